"""Wakes 2000 times a second, and has nothing to do.

python3 ticker.py
"""

import time

print("ticking", flush=True)
while True:
    time.sleep(0.0005)
