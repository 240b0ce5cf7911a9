#!/usr/bin/env python3
"""The same calls by zeep and by dc: WSDLs of a folder, three operations of each, the two requests compared.

    benches/soap/compare.py FOLDER PROGRAM RESULTS [PROCESSES]

FOLDER holds WSDLs with the schemas that they import, as deep as one likes; of those with equal bytes one is taken.
PROGRAM is the example `soap` (`cargo build --example soap`: `apps/demo/services/soap`). RESULTS gets a line of JSON
for each WSDL; classes with an example each are printed, and again by `compare.py report RESULTS`.

Arguments are made from the schema as zeep read it: one value for each type, all that is required, every second thing
that is optional (each with ALL=1 in the environment), of a choice the first, two of what may be many. Nothing leaves
the machine: what a document wants from the network is not there, for either, but for a few documents of W3C and SOAP
that FOLDER has. The requests are compared by names with namespaces, attributes, texts, `SOAPAction` and
`Content-Type`; prefixes, and the numbers of messages of WS-Addressing, are left out.
"""

import collections
import concurrent.futures
import functools
import hashlib
import http.server
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from pathlib import Path

import zeep
from lxml import etree
from zeep import xsd
from zeep.transports import Transport
from zeep.xsd.elements import Any, Choice, Element, Group
from zeep.xsd.elements.indicators import Indicator
from zeep.xsd.types import unresolved
from zeep.xsd.types.collection import ListType, UnionType
from zeep.xsd.visitor import SchemaVisitor

OPERATIONS = 3
SECONDS_OF_ZEEP = 60
ALL = bool(os.environ.get("ALL"))
SECONDS_OF_DC = 30
DEPTH_OPTIONAL, DEPTH_MAX, VALUES_MAX = 4, 16, 600
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
FAULT = (
    b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:Server</faultcode>'
    b"<faultstring>captured</faultstring></e:Fault></e:Body></e:Envelope>"
)
#: A value of each type; strings where both take the text as it is.
VALUES = {
    "boolean": True, "decimal": "1.50", "float": 1.5, "double": 1.5, "duration": "P1D",
    "dateTime": "2026-01-02T03:04:05", "date": "2026-01-02", "time": "03:04:05", "hexBinary": "0A0B",
    "base64Binary": "YWJj", "anyURI": "http://example.com/a", "language": "hr", "negativeInteger": -7,
    "nonPositiveInteger": -7, **dict.fromkeys(
        ["integer", "int", "long", "short", "byte", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte",
         "nonNegativeInteger", "positiveInteger"], 7),
}  # fmt: skip
#: What zeep takes as tuples, and JSON as text.
PAIRS = {
    "gYear": ((2026, None), "2026"), "gYearMonth": ((2026, 1, None), "2026-01"), "gMonthDay": ((1, 2, None), "--01-02"),
    "gDay": ((2, None), "---02"), "gMonth": ((1, None), "--01"),
}  # fmt: skip


#: Documents of W3C and of SOAP that everybody refers to, and that a project may have: by their URL.
KNOWN = {}
KNOWN_NAMES = {
    "soap-encoding.xsd": "http://schemas.xmlsoap.org/soap/encoding", "xml.xsd": "http://www.w3.org/2001/xml.xsd",
    "ws-addr.xsd": "http://www.w3.org/2005/08/addressing/ws-addr.xsd",
    "xmldsig-core-schema.xsd": "http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd",
    "xmlmime.xsd": "http://www.w3.org/2005/05/xmlmime",
    "addressing.xsd": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
}  # fmt: skip


class Impossible(Exception):
    """Arguments that cannot be made."""


class Captured(Exception):
    pass


class Offline(Transport):
    """Files alone, and what would be sent."""

    def load(self, url):
        if re.match(r"https?://", url or ""):
            if url.rstrip("/") not in KNOWN:
                raise OSError(f"not on this machine: {url}")
            return Path(KNOWN[url.rstrip("/")]).read_bytes()
        return super().load(url)

    def post(self, address, message, headers):
        raise Captured(message, dict(headers))


def remember_enumerations():
    """zeep forgets which values a type has."""
    visit, resolve = SchemaVisitor.visit_simple_type, unresolved.UnresolvedCustomType.resolve

    def visited(self, node, parent):
        made = visit(self, node, parent)
        values = [it.get("value") for it in node.iterfind("{*}restriction/{*}enumeration")]
        if values and made is not None:
            made._enumeration = values
        return made

    def resolved(self):
        made = resolve(self)
        if getattr(self, "_enumeration", None):
            made._enumeration = self._enumeration
        elif getattr(self.base_type, "_enumeration", None):
            made._enumeration = self.base_type._enumeration
        elif isinstance(self.base_type, unresolved.UnresolvedType):
            try:
                base = self.schema.get_type(self.base_type.qname)
                if getattr(base, "_enumeration", None):
                    made._enumeration = base._enumeration
            except Exception:
                pass
        return made

    SchemaVisitor.visit_simple_type, unresolved.UnresolvedCustomType.resolve = visited, resolved
    SchemaVisitor.visitors = {tag: visited if it is visit else it for tag, it in SchemaVisitor.visitors.items()}


class Maker:
    """Arguments, for zeep and as JSON."""

    def __init__(self, schema):
        self.schema, self.optional, self.count = schema, 0, 0

    def takes_optional(self, depth):
        self.optional += 1
        return (ALL or self.optional % 2 == 1) and depth < DEPTH_OPTIONAL and self.count < VALUES_MAX

    def value(self, of, depth):
        self.count += 1
        if depth > DEPTH_MAX or self.count > 20 * VALUES_MAX:
            raise Impossible("a type that requires itself")
        if isinstance(of, xsd.ComplexType):
            return self.complex(of, depth)
        if getattr(of, "_enumeration", None):
            return (of._enumeration[0],) * 2
        if isinstance(of, ListType):
            one = self.value(of.item_type, depth + 1)
            return [one[0]], [one[1]]
        if isinstance(of, UnionType):
            one = self.value(of.item_types[0], depth + 1) if of.item_types else ("text", "text")
            return (str(one[1]),) * 2 if not isinstance(one[1], bool) else ("true", "true")
        names = [getattr(kind, "_default_qname", None) for kind in type(of).__mro__]
        for name in [it.localname for it in names if it is not None]:
            if name in PAIRS:
                return PAIRS[name]
            if name in VALUES:
                return (VALUES[name],) * 2
        return "text", "text"

    def complex(self, of, depth):
        named = None
        if getattr(of, "abstract", False):
            named, of = of, self.derived(of)
        for_zeep, for_dc = {}, {}
        self.particles(of.elements_nested, depth, for_zeep, for_dc)
        for name, attribute in of.attributes:
            if attribute.name is None or getattr(attribute, "fixed", None) or attribute.default:
                continue
            if attribute.required or self.takes_optional(depth):
                theirs, ours = self.value(attribute.type, depth + 1)
                for_zeep[name] = theirs
                for_dc["@" + name.removeprefix("attr__") if name.startswith("attr__") else name] = ours
        if named is not None:
            return of(**for_zeep), {"@type": f"{{{of.qname.namespace or ''}}}{of.qname.localname}", **for_dc}
        return for_zeep, for_dc

    def times(self, member, depth):
        """Lists have two members, and what they must have at least."""
        if not member.accepts_multiple:
            return 1
        wanted = 2 if depth < DEPTH_OPTIONAL and self.count < VALUES_MAX else 1
        wanted = max(wanted, member.min_occurs)
        return wanted if member.max_occurs == "unbounded" else min(wanted, member.max_occurs) or 1

    def derived(self, of):
        def bases(it):
            while it is not None:
                it = getattr(it, "_extension", None) or getattr(it, "_restriction", None)
                yield it

        for other in sorted(self.schema.types, key=lambda it: str(it.qname)):
            is_concrete = isinstance(other, xsd.ComplexType) and not getattr(other, "abstract", False)
            if is_concrete and any(getattr(it, "qname", None) == of.qname for it in bases(other) if it is not None):
                return other
        return of

    def particles(self, members, depth, for_zeep, for_dc, is_chosen=False):
        for name, member in members:
            if isinstance(member, Any):
                continue
            if isinstance(member, Element):
                # zeep calls what stands in a choice optional, and the choice too
                if member.is_optional and not is_chosen and not self.takes_optional(depth):
                    continue
                made = [self.value(member.type, depth + 1) for _ in range(self.times(member, depth))]
                many = member.accepts_multiple
                for_zeep[name] = [theirs for theirs, _ in made] if many else made[0][0]
                for_dc[name] = [ours for _, ours in made] if many else made[0][1]
            elif isinstance(member, Indicator):
                if member.min_occurs == 0 and not is_chosen and not self.takes_optional(depth):
                    continue
                inside = member.elements_nested
                if isinstance(member, Group):
                    inside = [(None, member.child)] if not isinstance(member.child, Choice) else inside
                is_choice = isinstance(member, Choice)
                if is_choice:
                    inside = [it for it in inside if not isinstance(it[1], Any)][:1]
                if name and member.accepts_multiple:
                    theirs, ours = {}, {}
                    self.particles(inside, depth, theirs, ours, is_choice)
                    if theirs:
                        for_zeep[name], for_dc[name] = [theirs], [ours]
                else:
                    self.particles(inside, depth, for_zeep, for_dc, is_choice)
            else:
                # a simple content
                theirs, ours = self.value(member.type if hasattr(member, "type") else member, depth + 1)
                for_zeep[name], for_dc[name] = theirs, ours


class Capture(http.server.BaseHTTPRequestHandler):
    """Keeps what dc sends; as a proxy it has nothing of the network."""

    protocol_version = "HTTP/1.1"
    kept = {}

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        Capture.kept[self.path] = (self.rfile.read(length), dict(self.headers.items()))
        self.answer(500, FAULT)

    def do_GET(self):
        known = KNOWN.get(self.path.rstrip("/"))
        self.answer(200, Path(known).read_bytes()) if known else self.answer(404, b"")

    def do_CONNECT(self):
        self.answer(404, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def plain(element):
    """An element without prefixes."""
    attributes = {}
    for name, value in element.attrib.items():
        if name == XSI + "type" and ":" in value:
            prefix, local = value.split(":", 1)
            value = f"{{{element.nsmap.get(prefix, '')}}}{local}"
        attributes[name] = value
    children = [plain(it) for it in element if isinstance(it.tag, str)]
    text = (element.text or "") + "".join(it.tail or "" for it in element)
    if element.tag == "{http://www.w3.org/2005/08/addressing}MessageID":
        text = "urn:uuid"
    return element.tag, sorted(attributes.items()), text, children


def first_difference(theirs, ours, path=""):
    """Where two elements differ, in words that make classes."""
    here = f"{path}/{etree.QName(theirs[0]).localname}"
    if theirs[0] != ours[0]:
        left, right = etree.QName(theirs[0]), etree.QName(ours[0])
        kind = "namespace of an element" if left.localname == right.localname else "another element"
        return kind, f"{here}: zeep {theirs[0]}, dc {ours[0]}"
    if theirs[1] != ours[1]:
        return "attributes", f"{here}: zeep {theirs[1]}, dc {ours[1]}"
    if theirs[2] != ours[2]:
        return "text", f"{here}: zeep {theirs[2]!r}, dc {ours[2]!r}"
    for left, right in zip(theirs[3], ours[3]):
        if left != right:
            if len(theirs[3]) != len(ours[3]) and left[0] != right[0]:
                kind = "zeep has more elements" if len(theirs[3]) > len(ours[3]) else "dc has more elements"
                return kind, f"{here}: zeep {[it[0] for it in theirs[3]]}, dc {[it[0] for it in ours[3]]}"[:600]
            return first_difference(left, right, here)
    kind = "zeep has more elements" if len(theirs[3]) > len(ours[3]) else "dc has more elements"
    return kind, f"{here}: zeep {[it[0] for it in theirs[3]]}, dc {[it[0] for it in ours[3]]}"[:600]


def compare(theirs, ours):
    """None, or the class of the difference and an example."""
    (their_body, their_headers), (our_body, our_headers) = theirs, ours
    our_headers = {name.lower(): value for name, value in our_headers.items()}
    their_headers = {name.lower(): value for name, value in their_headers.items()}
    if our_headers.get("content-type", "").startswith("multipart/"):
        return "dc sends MTOM, as a policy asks", f"dc {our_headers['content-type']}"[:200]
    left, right = plain(etree.fromstring(their_body)), plain(etree.fromstring(our_body))
    # one that is empty hides no other difference
    is_empty = len(right[3]) == 2 and right[3][0][0].endswith("}Header") and not right[3][0][3]
    rest = (*right[:3], right[3][1:]) if is_empty and len(left[3]) == 1 else right
    if left != rest:
        return first_difference(left, rest)
    if left != right:
        return "dc has an empty Header", "zeep has none"
    for name in ("content-type", "soapaction"):
        left, right = their_headers.get(name), our_headers.get(name)
        if left != right:
            is_12 = "soap+xml" in (our_headers.get("content-type") or "")
            return f"header {name}{' of SOAP 1.2' if is_12 else ''}", f"zeep {left!r}, dc {right!r}"
    return None


def reason(text):
    """A class of an error: without names and places."""
    text = text.strip().splitlines()[0] if text.strip() else "nothing said"
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"https?://\S+|(?<![\w<])/[\w./+@ -]+", "PLACE", text)
    text = re.sub(r"\{[^}]*\}[\w.-]+|`[^`]*`|'[^']*'|\"[^\"]*\"", "NAME", text)
    text = re.sub(r"call [\w.-]+:", "call NAME:", text)
    return re.sub(r"\d+", "N", text)[:160]


class Dc:
    """The example, each call a process."""

    def __init__(self, program, port, folder):
        self.program, self.port, self.folder = program, port, folder
        proxy = f"http://127.0.0.1:{port}"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": folder, "http_proxy": proxy, "https_proxy": proxy,
            "no_proxy": "127.0.0.1",
        }  # fmt: skip

    def run(self, arguments):
        text = json.dumps(arguments)
        if len(text) > 120_000:
            raise Impossible("arguments longer than a variable of the environment may be")
        environment = {**self.environment, "DC_ARGS": text}
        try:
            done = subprocess.run(
                [self.program], env=environment, cwd=self.folder, capture_output=True, timeout=SECONDS_OF_DC
            )
        except subprocess.TimeoutExpired:
            return 1, "", "time out"
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")

    def address(self, wsdl, operation):
        token = hashlib.sha256(f"{wsdl} {operation}".encode()).hexdigest()
        return f"http://127.0.0.1:{self.port}/{token}"

    def call(self, wsdl, operation, arguments):
        address = self.address(wsdl, operation)
        token = "/" + address.rpartition("/")[2]
        given = {"wsdl": wsdl, "operation": operation, "arguments": arguments, "address": address}
        _, _, said = self.run(given)
        return Capture.kept.pop(token, None), error_of(said)


def error_of(said):
    """The message of the error."""
    lines = [line for line in said.splitlines() if re.search(r"error", line, re.I)] or said.splitlines()
    return lines[-1] if lines else ""


def one(wsdl, program, folder):
    """A WSDL by both."""
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError("time out")))
    logging.disable(logging.CRITICAL)
    result = {"wsdl": wsdl, "calls": [], "zeep": None, "dc": None}
    dc = Dc(program, endpoint(), folder)
    client = None
    signal.alarm(SECONDS_OF_ZEEP)
    try:
        client = zeep.Client(wsdl, transport=Offline())
    except Exception as error:
        result["zeep"] = f"{type(error).__name__}: {error}"[:400]
    signal.alarm(0)
    seen = 0
    for service in client.wsdl.services.values() if client else []:
        for port in service.ports.values():
            if not hasattr(port.binding, "send") or "soap" not in type(port.binding).__name__.lower():
                continue
            for name, operation in port.binding._operations.items():
                if seen == OPERATIONS:
                    break
                seen += 1
                full = f"{service.name or ''}.{port.name}.{name}"
                result["calls"].append(call(client, service, port, name, operation, dc, wsdl, full))
    if not any(it["dc"] == "sent" for it in result["calls"]):
        code, listed, said = dc.run({"wsdl": wsdl})
        result["dc"] = None if code == 0 else error_of(said)[:400]
        result["listed"] = len(listed.splitlines())
    return result


@functools.cache
def endpoint():
    """The port of this process's endpoint."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Capture)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def call(client, service, port, name, operation, dc, wsdl, full):
    made = {"operation": full, "style": operation.style, "zeep": None, "dc": None, "difference": None}
    for_zeep, for_dc, positional = {}, {}, None
    signal.alarm(SECONDS_OF_ZEEP)
    try:
        body = operation.input.body
        made["use"] = "encoded" if is_encoded(port, name, wsdl) else "literal"
        if body is not None:
            maker = Maker(client.wsdl.types)
            if isinstance(body.type, xsd.ComplexType):
                for_zeep, for_dc = maker.complex(body.type, 0)
            else:
                theirs, for_dc = maker.value(body.type, 0)
                positional = theirs
        proxy = client.bind(service.name, port.name)
        proxy._binding_options["address"] = dc.address(wsdl, full)
        if isinstance(for_zeep, dict):
            proxy[name](**for_zeep) if positional is None else proxy[name](positional)
        else:
            made["zeep"] = "Impossible: an abstract message"
    except Captured as captured:
        made["zeep"] = "sent"
        theirs = captured.args
    except RecursionError:
        made["zeep"] = "RecursionError"
    except Exception as error:
        made["zeep"] = f"{type(error).__name__}: {error}"[:400]
    finally:
        signal.alarm(0)
    if made["zeep"] and made["zeep"].startswith("Impossible"):
        return made
    try:
        ours, error = dc.call(wsdl, full, for_dc)
    except Impossible as error:
        made["zeep"] = f"Impossible: {error}"
        return made
    made["dc"] = "sent" if ours else error[:400]
    if made["zeep"] == "sent" and ours:
        made["difference"] = compare(theirs, ours)
        if made["difference"]:
            made["requests"] = [theirs[0].decode(errors="replace")[:3000], ours[0].decode(errors="replace")[:3000]]
    else:
        made["arguments"] = json.dumps(for_dc)[:1500]
    return made


def is_encoded(port, name, wsdl):
    """Whether the operation's input is `use="encoded"`: zeep does not say."""
    try:
        tree = etree.parse(wsdl)
    except etree.XMLSyntaxError:
        return False
    for it in tree.iterfind(f".//{{*}}binding[@name='{port.binding.name.localname}']/{{*}}operation[@name='{name}']"):
        return any(body.get("use") == "encoded" for body in it.iterfind("{*}input/{*}body"))
    return False


def guarded(arguments):
    try:
        return one(*arguments)
    except BaseException as error:
        return {"wsdl": arguments[0], "calls": [], "zeep": f"bench: {error!r}", "dc": "bench", "bench": True}


def table(title, counted, examples):
    print(f"\n{title}\n")
    for kind, count in counted.most_common():
        print(f"{count:6} {kind}\n         {examples.get(kind, '')}")


def report(results):
    both = [it for it in results if it["zeep"] is None and it["dc"] is None]
    only_dc = [it for it in results if it["zeep"] is not None and it["dc"] is None]
    only_zeep = [it for it in results if it["zeep"] is None and it["dc"] is not None]
    neither = [it for it in results if it["zeep"] is not None and it["dc"] is not None]
    print(f"{len(results)} WSDLs: both read {len(both)}, only zeep {len(only_zeep)}, only dc {len(only_dc)}, "
          f"neither {len(neither)}")  # fmt: skip
    for title, those, key in [("only zeep", only_zeep, "dc"), ("only dc", only_dc, "zeep"), ("neither", neither, "dc")]:
        counted = collections.Counter(reason(it[key]) for it in those)
        table(f"Read by {title}: why", counted, {reason(it[key]): f"{it['wsdl']}: {it[key]}" for it in those})
    calls = [{**it, "wsdl": result["wsdl"]} for result in results for it in result["calls"]]
    sent = [it for it in calls if it["zeep"] == "sent" and it["dc"] == "sent"]
    same = [it for it in sent if not it["difference"]]
    impossible = sum(str(it["zeep"]).startswith("Impossible") for it in calls)
    print(f"\n{len(calls)} calls ({impossible} without arguments); sent by both {len(sent)}, identical {len(same)}")
    print("WSDLs of these calls:", len({it["wsdl"] for it in sent}))
    differing = [it for it in sent if it["difference"]]
    key = lambda it: f"{it['style']}/{it.get('use')} {it['difference'][0]}"  # noqa: E731
    table("Differences", collections.Counter(map(key, differing)),
          {key(it): f"{it['wsdl']} {it['operation']}: {it['difference'][1]}"[:500] for it in differing})  # fmt: skip
    for who, other in (("zeep", "dc"), ("dc", "zeep")):
        those = [it for it in calls if it[who] == "sent" and it[other] != "sent"]
        key = lambda it: f"{it['style']}/{it.get('use')} {reason(it[other] or '')}"  # noqa: E731, B023
        table(f"Sent by {who} alone: {len(those)}; what {other} says", collections.Counter(map(key, those)),
              {key(it): f"{it['wsdl']} {it['operation']}: {it[other]}"[:500] for it in those})  # fmt: skip
    neither = [it for it in calls if it["zeep"] != "sent" and it["dc"] != "sent"]
    counted = collections.Counter(reason(it["zeep"] or "") for it in neither)
    table(f"Sent by neither: {len(neither)}; what zeep says", counted, {})


def copied(folder, to):
    """Copies the documents, and gives the WSDLs. What they import from https is asked for by http: a proxy that has
    nothing can say so there.
    """
    chosen = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (".wsdl", ".xsd") or not path.is_file():
            continue
        content = path.read_bytes()
        place = to / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(re.sub(rb"""(ocation\s*=\s*["']\s*http)s://""", rb"\1://", content))
        if path.suffix.lower() == ".wsdl":
            chosen.setdefault(hashlib.sha256(content).digest(), str(place))
    return list(chosen.values())


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "report":
        return report([json.loads(line) for line in open(sys.argv[2])])
    folder, program, results = sys.argv[1:4]
    processes = int(sys.argv[4]) if len(sys.argv) > 4 else os.cpu_count()
    program = str(Path(program).resolve())
    with tempfile.TemporaryDirectory() as home:
        chosen = copied(Path(folder).resolve(), Path(home) / "documents")
        folder = Path(home) / "documents"
        for path in sorted(folder.rglob("*.xsd")):
            if path.name in KNOWN_NAMES:
                KNOWN.setdefault(KNOWN_NAMES[path.name], str(path))
            elif b'targetNamespace="http://schemas.xmlsoap.org/soap/encoding/"' in path.read_bytes()[:4000]:
                KNOWN.setdefault("http://schemas.xmlsoap.org/soap/encoding", str(path))
        print("known:", *sorted(KNOWN), file=sys.stderr)
        remember_enumerations()
        warnings.simplefilter("ignore")
        os.mkdir(Path(home) / "work")
        with open(results, "w") as out:
            work = [(wsdl, program, str(Path(home) / "work")) for wsdl in chosen]
            random.Random(23).shuffle(work)
            with concurrent.futures.ProcessPoolExecutor(processes) as pool:
                for done in concurrent.futures.as_completed([pool.submit(guarded, it) for it in work]):
                    result = done.result()
                    result["wsdl"] = result["wsdl"].removeprefix(f"{folder}/")
                    out.write(json.dumps(result) + "\n")
                    out.flush()
    report([json.loads(line) for line in open(results)])


if __name__ == "__main__":
    main()
