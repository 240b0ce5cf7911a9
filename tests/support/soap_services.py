"""SOAP services made with spyne, in the manner of its examples: `soap_services.py serve` prints its port and serves;
`soap_services.py zeep WSDL CALLS` makes the calls of a JSON file with zeep and prints the results as JSON."""
import base64
import datetime
import decimal
import json
import sys


def serve():
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from spyne import (
        Application, Array, Boolean, ByteArray, ComplexModel, Date, DateTime, Decimal, Double, Enum, Fault,
        Integer, Iterable, ServiceBase, Unicode, UnsignedInteger, XmlAttribute, XmlData, rpc,
    )
    from spyne.error import ResourceNotFoundError
    from spyne.protocol.soap import Soap11, Soap12
    from spyne.server.wsgi import WsgiApplication

    NS = "spyne.examples"

    class Permission(ComplexModel):
        __namespace__ = NS
        application = Unicode
        operation = Unicode

    class User(ComplexModel):
        __namespace__ = NS
        user_id = Integer
        user_name = Unicode(min_occurs=1, nillable=False)
        active = Boolean
        born = Date
        seen = DateTime
        balance = Decimal
        score = Double
        color = Enum("red", "green", "blue", type_name="Color")
        permissions = Array(Permission)
        aliases = Unicode(max_occurs="unbounded")

    class Admin(User):
        __namespace__ = NS
        level = UnsignedInteger

    class Tagged(ComplexModel):
        __namespace__ = NS
        text = XmlData(Unicode)
        lang = XmlAttribute(Unicode)
        version = XmlAttribute(Integer)

    class RequestHeader(ComplexModel):
        __namespace__ = NS + ".secured"
        session_id = Unicode(min_occurs=1, nillable=False)
        user_name = Unicode(min_occurs=1, nillable=False)

    users = {}

    # spyne writes the name of an application into its services: each needs its own
    def hello():
        class Hello(ServiceBase):
            @rpc(Unicode, Integer, _returns=Iterable(Unicode))
            def say_hello(ctx, name, times):
                """Greets somebody several times."""
                for _ in range(times or 0):
                    yield "Hello, %s" % name

            @rpc(Integer, Integer, _returns=Integer)
            def add(ctx, a, b):
                return a + b

            @rpc(_returns=DateTime)
            def moment(ctx):
                return datetime.datetime(2026, 1, 2, 3, 4, 5)

            @rpc(Decimal, _returns=Decimal)
            def twice(ctx, value):
                return value * 2

            @rpc(Unicode, _returns=Unicode)
            def echo(ctx, text):
                return text

            @rpc(ByteArray, _returns=ByteArray)
            def reverse(ctx, data):
                return [b"".join(data)[::-1]]

            @rpc(Integer)
            def nothing(ctx, a):
                pass

            @rpc(Unicode, _returns=Unicode)
            def fail(ctx, code):
                if code == "missing":
                    raise ResourceNotFoundError("the-thing")
                raise Fault("Client.Own", "it was <asked> to & did", detail={"problem": {"reason": "asked", "code": "7"}})

            @rpc(Integer, Unicode, _returns=(Integer, Unicode), _out_variable_names=["number", "word"])
            def both(ctx, number, word):
                return number + 1, word.upper()

        return Hello

    class Users(ServiceBase):
        @rpc(User, _returns=UnsignedInteger)
        def add_user(ctx, user):
            # the same for whoever calls second
            user.user_id = 1
            users[user.user_id] = user
            return user.user_id

        @rpc(UnsignedInteger, _returns=User)
        def get_user(ctx, user_id):
            if user_id not in users:
                raise ResourceNotFoundError(str(user_id))
            return users[user_id]

        @rpc(_returns=Iterable(User))
        def get_all_users(ctx):
            return list(users.values())

        @rpc(User, _returns=User)
        def echo_user(ctx, user):
            return user

        @rpc(Tagged, _returns=Tagged)
        def echo_tagged(ctx, tagged):
            return tagged

        @rpc(Array(Array(Integer)), _returns=Array(Array(Integer)))
        def matrix(ctx, rows):
            return rows

    class Bare(ServiceBase):
        @rpc(User, _returns=Unicode, _body_style="bare")
        def bare_name(ctx, user):
            return user.user_name

        @rpc(Integer, _returns=Integer, _body_style="bare")
        def bare_square(ctx, number):
            return number * number

        @rpc(Integer, _returns=User, _body_style="out_bare")
        def out_bare(ctx, number):
            return User(user_id=number, user_name="n%d" % number)

    class Secured(ServiceBase):
        __in_header__ = RequestHeader

        @rpc(_returns=Unicode)
        def who(ctx):
            if ctx.in_header is None:
                raise Fault("Client.Authentication", "no header")
            return "%s/%s" % (ctx.in_header.user_name, ctx.in_header.session_id)

    def application(services, protocol, name):
        return WsgiApplication(Application(
            services, NS + "." + name, name=name, in_protocol=protocol(validator="lxml"), out_protocol=protocol()))

    apps = {
        "/hello": application([hello()], Soap11, "hello"),
        "/hello12": application([hello()], Soap12, "hello12"),
        "/users": application([Users], Soap11, "users"),
        "/bare": application([Bare], Soap11, "bare"),
        "/secured": application([Secured], Soap11, "secured"),
    }

    def route(environ, start_response):
        path = environ["PATH_INFO"].rstrip("/")
        if path not in apps:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"no such service"]
        return apps[path](environ, start_response)

    class Silent(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    server = make_server("127.0.0.1", 0, route, handler_class=Silent)
    print(server.server_port, flush=True)
    server.serve_forever()


def plain(value):
    from zeep.helpers import serialize_object

    def walk(value):
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [walk(item) for item in value]
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, datetime.datetime):
            return value.isoformat()
        if isinstance(value, datetime.date):
            return value.isoformat()
        if isinstance(value, decimal.Decimal):
            return str(value)
        return value

    return walk(serialize_object(value, dict))


def zeep(wsdl, calls):
    import zeep as library

    client = library.Client(wsdl)
    results = []
    for call in json.load(open(calls)):
        arguments = dict(call.get("arguments") or {})
        if "data" in arguments:
            arguments["data"] = base64.b64decode(arguments["data"])
        if call.get("headers"):
            arguments["_soapheaders"] = call["headers"]
        try:
            positional = call.get("positional")
            operation = getattr(client.service, call["operation"])
            result = operation(*positional) if positional is not None else operation(**arguments)
            results.append({"value": plain(result)})
        except library.exceptions.TransportError as error:
            results.append({"transport": str(error)})
        except library.exceptions.Fault as fault:
            results.append({"fault": fault.message, "code": (fault.code or "").split(":")[-1]})
    print(json.dumps(results))


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else zeep(*sys.argv[2:])
