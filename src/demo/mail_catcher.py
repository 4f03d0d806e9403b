"""A real SMTP server that keeps every mail it is given, and sends none on.

Usage: mail_catcher.py PORT DIR. Each mail becomes DIR/NNNNNN.eml (the very bytes of the DATA command, behind the lines
X-Mail-From and X-Rcpt-To with the envelope) and, for people, DIR/NNNNNN.txt (its headers and its plain text, decoded).
A file appears whole or not at all.
"""

import asyncio
import email
import email.policy
import os
import sys

from aiosmtpd.smtp import SMTP


class Keep:
    def __init__(self, folder):
        self.folder = folder
        self.count = len([name for name in os.listdir(folder) if name.endswith(".eml")])

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = "".join("X-Rcpt-To: %s\r\n" % rcpt for rcpt in envelope.rcpt_tos)
        head = "X-Mail-From: %s\r\n%s" % (envelope.mail_from, head)
        raw = envelope.original_content
        name = os.path.join(self.folder, "%06d" % self.count)
        write(name + ".txt", readable(raw).encode("utf-8", "replace"))
        write(name + ".eml", head.encode("utf-8", "replace") + raw)
        return "250 kept"


def readable(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    head = ["%s: %s" % (name, mail[name]) for name in ("From", "To", "Date", "Subject") if mail[name]]
    body = mail.get_body(("plain", "html"))
    return "\n".join(head) + "\n\n" + (body.get_content() if body else "")


def write(path, data):
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.rename(path + ".part", path)


async def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    keep = Keep(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keep, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


asyncio.run(main())
