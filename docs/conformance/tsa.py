#!/usr/bin/env python3
"""An RFC 3161 authority for tests: openssl ts behind HTTP.

    tsa.py DIR          makes keys in DIR, prints its URL, and serves
DIR/ca.pem is what its tokens are checked against.
"""

import http.server
import pathlib
import subprocess
import sys

CONFIG = """[tsa]
default_tsa = tsa1
[tsa1]
serial = ./serial
signer_cert = ./tsa.pem
certs = ./ca.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
EXTENSIONS = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"

home = pathlib.Path(sys.argv[1])
home.mkdir(parents=True, exist_ok=True)


def openssl(*args):
    subprocess.run(["openssl", *args], cwd=home, check=True, capture_output=True)


class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        (home / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        openssl("ts", "-reply", "-queryfile", "query", "-out", "reply", "-config", "tsa.cnf")
        reply = (home / "reply").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args):
        pass


(home / "tsa.cnf").write_text(CONFIG)
(home / "ext.cnf").write_text(EXTENSIONS)
(home / "serial").write_text("01\n")
openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test-ca", "-days", "30")
openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=test-tsa")
openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days", "30", "-extfile", "ext.cnf")
server = http.server.HTTPServer(("127.0.0.1", 0), Authority)
print("http://127.0.0.1:%d/tsr" % server.server_port, flush=True)
server.serve_forever()
