"""The second article's server: nothing waits, and every socket is asked in turn, for ever.

python3 server.py HOST PORT
"""

import socket
import sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(128)
listener.setblocking(False)
print("listening on %s:%d" % listener.getsockname(), flush=True)

connections = []
to_delete = []
while True:
    try:
        connection, address = listener.accept()
        connection.setblocking(False)
        connections.append(connection)
    except BlockingIOError:
        # Nobody new: ask those that are here.
        for connection in connections:
            try:
                data = connection.recv(1024)
                if data:
                    connection.send(data.upper())
                else:
                    to_delete.append(connection)
            except BlockingIOError:
                continue
            except ConnectionError:
                to_delete.append(connection)
        for connection in to_delete:
            connection.close()
            connections.remove(connection)
        to_delete.clear()
