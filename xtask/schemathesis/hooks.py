"""What schemathesis sends to a showcase beside what it makes up: live credentials, and ids, passwords and tokens of real users.

One run covers every backend: a route of one backend gets its credential, and every other route gets that of each in turn.
SHOWCASE is the URL; EMAIL and PASSWORD are those of its superuser.
"""

import itertools
import os
import time
from collections import defaultdict
from http.cookiejar import DefaultCookiePolicy

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

URL, EMAIL, PASSWORD = (os.environ[name] for name in ("SHOWCASE", "EMAIL", "PASSWORD"))
# The scheme of the cookie with a refresh token is called like its backend, and this.
REFRESH = ".refresh"

connection = requests.Session()
# Only what a request is given, and nothing that an earlier answer set.
connection.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))


def request(method, path, **kwargs):
    return connection.request(method, URL + path, **kwargs)


class LogIn:
    """A log-in of a user, through one backend."""

    def __init__(self, email, backend):
        form = {"username": email, "password": PASSWORD}
        answer = request("POST", f"/auth/{backend}/login", data=form)
        answer.raise_for_status()
        body = answer.json() if answer.content else {}
        refresh = {cookie.name: cookie.value for cookie in answer.cookies if cookie.name.endswith("-refresh")}
        access = {cookie.name: cookie.value for cookie in answer.cookies if cookie.name not in refresh}
        self.email = email
        self.refresh_token = body.get("refresh_token")
        self.headers = {"Authorization": f"Bearer {body['access_token']}"} if body else {}
        # By scheme.
        self.cookies = {backend: access, backend + REFRESH: refresh}
        self.access = {"headers": self.headers, "cookies": access}

    def is_superuser(self):
        answer = request("GET", "/users/me", **self.access)
        return answer.ok and answer.json()["is_superuser"]

    def sessions(self):
        return [session["id"] for session in request("GET", "/auth/sessions", **self.access).json()]


def root():
    """The log-in of the superuser, as soon as the showcase has made that user."""
    for _ in range(300):
        if request("GET", "/ready").ok:
            return LogIn(EMAIL, "db")
        time.sleep(0.1)
    raise TimeoutError(f"{URL} is not ready")


ROOT = root()
numbers = itertools.count()


def new_user(**flags):
    """The id and the e-mail of a new user."""
    email = f"user{next(numbers)}@camelot.example"
    user = request("POST", "/auth/register", json={"email": email, "password": PASSWORD}).json()
    request("PATCH", f"/users/{user['id']}", json=flags, **ROOT.access).raise_for_status()
    return user["id"], email


class Superusers:
    """A superuser for each backend, and a new one if that is one no more, or logged out: some routes do that."""

    def __init__(self):
        self.log_ins = {}

    def of(self, backend):
        log_in = self.log_ins.get(backend)
        if log_in is None or not log_in.is_superuser():
            _id, email = new_user(is_superuser=True, is_verified=True)
            log_in = self.log_ins[backend] = LogIn(email, backend)
        return log_in


class Subject:
    """A user with a log-in, for superusers to change and delete."""

    def __init__(self):
        self.id = None

    def ids(self):
        answer = request("GET", f"/users/{self.id}/sessions", **ROOT.access)
        if answer.ok and answer.json():
            return {"id": self.id, "sid": answer.json()[0]["id"]}
        self.id, email = new_user()
        LogIn(email, "db")
        return self.ids()


superusers, subject = Superusers(), Subject()
turns = defaultdict(itertools.count)
# The scheme of the credential that a case was given.
given = {}


@schemathesis.hook
def before_load_schema(_context, schema):
    """Calls the password flow of OAuth 2 what its token is. Of a scheme `oauth2`, the client tries no request without one."""
    for scheme in schema["components"]["securitySchemes"].values():
        if scheme["type"] == "oauth2":
            scheme.clear()
            scheme.update(type="http", scheme="bearer")


def schemes_of(operation):
    security = operation.definition.raw.get("security", [])
    return [scheme for requirement in security for scheme in requirement]


@schemathesis.auth(refresh_interval=None)
class Credentials:
    """Every scheme that an operation accepts, in turn."""

    def get(self, _case, context):
        schemes = schemes_of(context.operation)
        return schemes[next(turns[context.operation.label]) % len(schemes)] if schemes else None

    def set(self, case, scheme, _context):
        given[case.id] = scheme
        present(case, scheme)


def present(case, scheme):
    log_in = superusers.of(scheme.removesuffix(REFRESH))
    if scheme.endswith(REFRESH) or not log_in.headers:
        case.cookies.update(log_in.cookies[scheme])
    else:
        case.headers.update(log_in.headers)
    return log_in


@schemathesis.hook
def before_add_examples(context, examples):
    """A request with each scheme to a route that takes no data: for such a route, little is made up."""
    raw = context.operation.definition.raw
    if "requestBody" in raw or "parameters" in raw:
        return
    for scheme in schemes_of(context.operation):
        case = context.operation.Case()
        given[case.id] = scheme
        examples.append(case)


def takes_real(case, location):
    """Half of what is valid stays as it was made up: an unknown id, a wrong password."""
    if case.meta is None or case.meta.is_negative_at(location):
        return False
    return next(turns[case.operation.label, location]) % 2 == 0


def real_ids(case, log_in):
    if not case.operation.path.startswith("/auth/sessions/"):
        ids = subject.ids()
        return {name: ids[name] for name in case.path_parameters}
    # That of a plain JWT is in no list.
    return {"id": session for session in log_in.sessions()[:1]}


def real_secrets(case):
    _, _, backend, route = case.operation.path.split("/")
    log_in = superusers.of(backend)
    if route == "login":
        return {"username": log_in.email, "password": PASSWORD}
    return {"refresh_token": log_in.refresh_token}


@schemathesis.hook
def before_call(_context, case, _kwargs):
    # Another case may have ended the log-in since this one was made.
    scheme = given.get(case.id)
    log_in = present(case, scheme) if scheme else None
    if case.path_parameters and takes_real(case, ParameterLocation.PATH):
        case.path_parameters.update(real_ids(case, log_in))
    is_secret = case.operation.path.endswith(("/login", "/refresh"))
    if is_secret and isinstance(case.body, dict) and takes_real(case, ParameterLocation.BODY):
        case.body.update(real_secrets(case))
