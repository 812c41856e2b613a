"""The first article's client: says the same every half second, and never reads.

python3 client.py HOST PORT MESSAGE [COUNT]
"""

import socket
import sys
import time

host, port, message = sys.argv[1], int(sys.argv[2]), sys.argv[3]
count = int(sys.argv[4]) if len(sys.argv) > 4 else None

with socket.create_connection((host, port)) as connection:
    sent = 0
    while sent != count:
        connection.sendall(message.encode())
        sent += 1
        time.sleep(0.5)
