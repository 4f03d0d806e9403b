#!/usr/bin/python3
"""Prints a link for each ticket that the commits of this push name, as `before` of a Pushbutton stage:

    before = [{ local = "/usr/local/bin/tickets.py https://tickets.example.com/browse/", as = "operator" }]

A rollback takes commits away: their tickets are named too, and said to be open again.
"""

import json
import os
import re
import sys

TICKET = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-[0-9]{1,9}\b")


def main():
    address = sys.argv[1]
    # Pushbutton writes it before the first command; a file that is not there is a mistake to be seen.
    with open(os.environ["PUSH_COMMITS"], encoding="utf-8") as file:
        push = json.load(file)
    told = []
    for commit in push["commits"]:
        for ticket in TICKET.findall(commit["subject"]):
            if ticket not in told:
                told.append(ticket)
    for ticket in told:
        what = f"{ticket} (open again)" if push["rollback"] else ticket
        print(f"link: {what} {address}{ticket}")
    print(f"{len(told)} tickets in {push['count']} commits to {push['stage']}")


main()
