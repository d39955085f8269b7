"""Tries what the showcase's OpenAPI document says, by schemathesis, with the credential of each backend.

check.py URL EMAIL PASSWORD: the showcase, and its superuser.
"""

import itertools
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).parent
JSON = "application/json"
# What may change or remove the user of a run, or end its log-in.
RISKY = r"^/(users/.*|auth/[^/]+/logout)$"
numbers = itertools.count()


class Service:
    def __init__(self, url, email, password):
        self.url, self.password = url, password
        self.wait()
        self.root = self.log_in({"name": "db", "transport": "bearer"}, email)

    def wait(self):
        """Until the superuser is made."""
        for _ in range(300):
            try:
                return self.call("GET", "/ready", None)
            except urllib.error.URLError:
                time.sleep(0.1)
        raise TimeoutError(f"{self.url} is not ready")

    def call(self, method, path, body, content_type=JSON, header=None):
        headers = {"Content-Type": content_type}
        if header:
            name, value = header.split(": ")
            headers[name] = value
        request = urllib.request.Request(self.url + path, body and body.encode(), headers, method=method)
        return urllib.request.urlopen(request)

    def log_in(self, backend, email):
        """The header with the credential."""
        form = urllib.parse.urlencode({"username": email, "password": self.password})
        path = f"/auth/{backend['name']}/login"
        answer = self.call("POST", path, form, "application/x-www-form-urlencoded")
        if backend["transport"] == "cookie":
            return "Cookie: " + answer.headers["Set-Cookie"].split(";")[0]
        return "Authorization: Bearer " + json.load(answer)["access_token"]

    def superuser(self, backend):
        """The header of a new superuser."""
        email = f"superuser{next(numbers)}@camelot.example"
        user = json.load(self.call("POST", "/auth/register", json.dumps({"email": email, "password": self.password})))
        promoted = json.dumps({"is_superuser": True, "is_verified": True})
        self.call("PATCH", f"/users/{user['id']}", promoted, header=self.root)
        return self.log_in(backend, email)

    def check(self, header, *paths):
        command = [
            pathlib.Path(sys.executable).with_name("schemathesis"),
            *("--config-file", HERE / "schemathesis.toml"),
            *("run", f"{self.url}/openapi.json", "--header", header, *paths),
        ]
        return subprocess.run(command, check=False).returncode == 0


def main(url, email, password):
    service = Service(url, email, password)
    passed = True
    for backend in json.load(service.call("GET", "/auth/methods", None))["backends"]:
        print(f"-- by the backend {backend['name']}", flush=True)
        for choice in ("--exclude-path-regex", "--include-path-regex"):
            passed &= service.check(service.superuser(backend), choice, RISKY)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
