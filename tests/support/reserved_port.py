"""Ports for servers that a test starts and restarts on the same port."""

import socket

# Sockets that are bound to the reserved ports, but never listen.
_reservations = []


def reserve_port():
    """Returns a loopback port that the kernel gives to no other program until this one ends.

    A server that sets SO_REUSEADDR can listen on it.
    """
    reserved = socket.socket()
    reserved.bind(("127.0.0.1", 0))
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _reservations.append(reserved)
    return reserved.getsockname()[1]
