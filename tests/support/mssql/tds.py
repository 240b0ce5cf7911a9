"""The protocol of SQL Server (MS-TDS 7.4), as far as a server of tests speaks it: packets, tokens, types."""

import datetime
import ssl
import struct
from decimal import Decimal

BATCH, RPC, ATTENTION, BULK, TRANSACTION, LOGIN, PRELOGIN = 1, 3, 6, 7, 14, 16, 18
ANSWER = 4
HEADER = 8
OFF, ON, NOT_SUPPORTED, REQUIRED = 0, 1, 2, 3
# Latin1_General_100_BIN2
COLLATION = bytes([0x09, 0x04, 0x50, 0x02, 0x00])
YEAR_1 = datetime.date(1, 1, 1)
# no text of PostgreSQL has a NUL, so it stands for this there
NUL = "\ue0ff"


class Closed(Exception):
    """The client has gone."""


class Line:
    """A connection, in the clear or by TLS."""

    def __init__(self, socket):
        self.socket = socket
        self.tls = None
        self.packet_size = 4096

    def _receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise Closed
            data += part
        return data

    def _read(self, count):
        if self.tls is None:
            return self._receive(count)
        data = b""
        while len(data) < count:
            try:
                data += self.tls.read(count - len(data))
            except ssl.SSLWantReadError:
                part = self.socket.recv(65536)
                if not part:
                    raise Closed
                self.incoming.write(part)
        return data

    def _write(self, data):
        if self.tls is None:
            self.socket.sendall(data)
            return
        self.tls.write(data)
        self.socket.sendall(self.outgoing.read())

    def read(self):
        """The kind of the next message, and what it says."""
        message = b""
        while True:
            kind, status, length = struct.unpack(">BBH4x", self._read(HEADER))
            message += self._read(length - HEADER)
            if status & 1:
                return kind, message

    def write(self, data, kind=ANSWER):
        most = self.packet_size - HEADER
        parts = [data[at : at + most] for at in range(0, len(data), most)] or [b""]
        out = b""
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            out += struct.pack(">BBHHBB", kind, 1 if last else 0, len(part) + HEADER, 0, (number + 1) % 256, 0) + part
        self._write(out)

    def secure(self, context):
        """The handshake, whose parts travel as messages of the first exchange."""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                said = self.outgoing.read()
                if said:
                    self.write(said, PRELOGIN)
                self.incoming.write(self.read()[1])
        said = self.outgoing.read()
        if said:
            self.write(said, PRELOGIN)
        self.tls = tls


def prelogin_encryption(message):
    at = 0
    while message[at] != 0xFF:
        token, offset, _ = struct.unpack_from(">BHH", message, at)
        if token == 1:
            return message[offset]
        at += 5
    return NOT_SUPPORTED


def prelogin(encryption):
    return bytes([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xFF, 16, 0, 0x03, 0xE8, 0, 0, encryption])


def login(message):
    def text(at, decode=lambda data: data):
        offset, count = struct.unpack_from("<HH", message, at)
        return decode(message[offset : offset + count * 2]).decode("utf-16-le")

    def plain(data):
        return bytes((((byte ^ 0xA5) >> 4) | ((byte ^ 0xA5) << 4)) & 0xFF for byte in data)

    size = struct.unpack_from("<I", message, 8)[0]
    return {"user": text(40), "password": text(44, plain), "database": text(68), "packet_size": size}


def b_varchar(text):
    data = text.encode("utf-16-le")
    return bytes([len(data) // 2]) + data


def us_varchar(text):
    data = text.encode("utf-16-le")
    return struct.pack("<H", len(data) // 2) + data


def token(kind, body):
    return struct.pack("<BH", kind, len(body)) + body


def changed(kind, new, old=b"\x00"):
    return token(0xE3, bytes([kind]) + new + old)


def descriptor(number):
    return bytes([8]) + struct.pack("<Q", number)


def login_ack():
    return token(0xAD, bytes([1, 0x74, 0, 0, 4]) + b_varchar("Microsoft SQL Server") + bytes([16, 0, 0x03, 0xE8]))


def error(number, text, severity=16):
    body = struct.pack("<IBB", number, 1, severity) + us_varchar(text) + b_varchar("peer") + b_varchar("")
    return token(0xAA, body + struct.pack("<I", 1))


MORE, ERROR, COUNT, ATTENDED = 0x1, 0x2, 0x10, 0x20
DONE, DONE_PROC, DONE_IN_PROC = 0xFD, 0xFE, 0xFF


def done(kind, status, rows=0):
    return struct.pack("<BHHQ", kind, status, 0, rows)


def behind_headers(message):
    return message[struct.unpack_from("<I", message)[0] :]


class Reader:
    """Values of a message, in their order."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def is_over(self):
        return self.at >= len(self.data)

    def name(self):
        return self.bytes(self.take("B") * 2).decode("utf-16-le")

    def type(self):
        kind = self.take("B")
        if kind == 0x1F:
            return kind, 0
        if kind in (0x26, 0x68, 0x6D, 0x24, 0x6E, 0x6F):
            return kind, self.take("B")
        if kind in (0xE7, 0xEF, 0xA7, 0xAF):
            size = self.take("H")
            self.bytes(5)
            return kind, size
        if kind in (0xA5, 0xAD):
            return kind, self.take("H")
        if kind in (0x6A, 0x6C):
            return kind, self.take("BBB")
        if kind in (0x29, 0x2A, 0x2B):
            return kind, self.take("B")
        if kind == 0x28:
            return kind, 0
        raise ValueError(f"the peer does not know the type {kind:#x}")

    def value(self, info):
        kind, size = info
        if kind == 0x1F:
            return None
        if kind in (0xE7, 0xEF, 0xA7, 0xAF, 0xA5, 0xAD):
            data = self._chunks() if size == 0xFFFF else self._short()
            if data is None:
                return None
            if kind in (0xA5, 0xAD):
                return data
            return data.decode("utf-16-le" if kind in (0xE7, 0xEF) else "cp1252").replace("\0", NUL)
        length = self.take("B")
        if length == 0:
            return None
        data = self.bytes(length)
        if kind == 0x26:
            return int.from_bytes(data, "little", signed=length > 1)
        if kind == 0x68:
            return data != b"\0"
        if kind == 0x6D:
            return struct.unpack("<f" if length == 4 else "<d", data)[0]
        raise ValueError(f"the peer reads no value of the type {kind:#x}")

    def _short(self):
        size = self.take("H")
        return None if size == 0xFFFF else self.bytes(size)

    def _chunks(self):
        if self.take("Q") == 0xFFFFFFFFFFFFFFFF:
            return None
        data = b""
        while size := self.take("I"):
            data += self.bytes(size)
        return data

    def columns(self):
        """A COLMETADATA token: the names and types of columns."""
        if self.take("B") != 0x81:
            raise ValueError("a bulk load does not begin with its columns")
        found = []
        for _ in range(self.take("H")):
            self.take("IH")
            info = self.type()
            found.append((self.name(), info))
        return found


def rpc(message):
    """The statement of a call of sp_executesql, and its values by their names."""
    reader = Reader(behind_headers(message))
    if reader.take("HH") != (0xFFFF, 10):
        raise ValueError("the peer knows no other procedure than sp_executesql")
    reader.take("H")
    values = []
    while not reader.is_over():
        name = reader.name()
        reader.take("B")
        values.append((name, reader.value(reader.type())))
    return values[0][1], {name.lstrip("@").upper(): value for name, value in values[2:]}


def _scaled(info):
    return {0: 3, 1: 3, 2: 3, 3: 4, 4: 4}.get(info, 5)


def _time(text, scale):
    whole, _, fraction = text.partition(".")
    hours, minutes, seconds = whole.split(":")
    parts = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 10**scale + int((fraction + "0" * scale)[:scale] or 0)
    return parts.to_bytes(_scaled(scale), "little")


def _date(text):
    return (datetime.date.fromisoformat(text) - YEAR_1).days.to_bytes(3, "little")


class Type:
    """A type as a result has it: what says what it is, and how a value of it is written. Values come as PostgreSQL prints
    them."""

    def __init__(self, info, write):
        self.info, self.write = info, write


def _fixed(code, size, pack):
    return Type(bytes([code, size]), lambda text: b"\0" if text is None else bytes([size]) + pack(text))


def _plp(data):
    if data is None:
        return b"\xff" * 8
    if not data:
        return struct.pack("<QI", 0, 0)
    return struct.pack("<QI", len(data), len(data)) + data + struct.pack("<I", 0)


def _text(text):
    return _plp(None if text is None else text.replace(NUL, "\0").encode("utf-16-le"))


def _bytes(text):
    # \x0123
    return _plp(None if text is None else bytes.fromhex(text[2:]))


def _guid(text):
    raw = bytes.fromhex(text.replace("-", ""))
    return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]


def integer(size):
    return _fixed(0x26, size, lambda text: int(text).to_bytes(size, "little", signed=True))


BIT = _fixed(0x68, 1, lambda text: b"\1" if text == "t" else b"\0")
FLOAT = _fixed(0x6D, 8, lambda text: struct.pack("<d", float(text)))
REAL = _fixed(0x6D, 4, lambda text: struct.pack("<f", float(text)))
GUID = _fixed(0x24, 16, _guid)
TEXT = Type(b"\xe7\xff\xff" + COLLATION, _text)
BYTES = Type(b"\xa5\xff\xff", _bytes)
DATE = Type(b"\x28", lambda text: b"\0" if text is None else b"\3" + _date(text))


def binary(size):
    def write(text):
        data = None if text is None else bytes.fromhex(text[2:])
        return b"\xff\xff" if data is None else struct.pack("<H", len(data)) + data

    return Type(b"\xad" + struct.pack("<H", size), write)


def decimal(digits, scale):
    def write(text):
        if text is None:
            return b"\0"
        # the context of Python has 28 digits
        sign, plain, exponent = Decimal(text).as_tuple()
        number = int("".join(map(str, plain))) * 10 ** (exponent + scale)
        return bytes([17, 0 if sign else 1]) + number.to_bytes(16, "little")

    return Type(bytes([0x6C, 17, digits, scale]), write)


def time(scale):
    def write(text):
        return b"\0" if text is None else bytes([_scaled(scale)]) + _time(text, scale)

    return Type(bytes([0x29, scale]), write)


def moment(scale):
    def write(text):
        if text is None:
            return b"\0"
        day, _, clock = text.partition(" ")
        return bytes([_scaled(scale) + 3]) + _time(clock, scale) + _date(day)

    return Type(bytes([0x2A, scale]), write)


def columns(found):
    """What says which columns a result has: their names and types."""
    # they may be null, and may be written as far as is known
    parts = [struct.pack("<IH", 0, 0x9) + kind.info + b_varchar(name) for name, kind in found]
    return struct.pack("<BH", 0x81, len(found)) + b"".join(parts)


def row(found, values):
    return b"\xd1" + b"".join(kind.write(value) for (_, kind), value in zip(found, values))
