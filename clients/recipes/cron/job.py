"""A job without a framework, which acts once a person has approved it.

In a crontab: 0 2 * * * cd /srv/letters && flock --nonblock job.lock python job.py

Started again after a failure, or the next night, it finds its question and its answer.
"""

import sys

from caseledger import Client, NotApproved, OutcomeUnknown

client = Client()


@client.requires_approval("Send the letter to {to}?", uow_id="letter-7", expires_in_seconds=86_400)
def send_letter(to: str) -> str:
    print("It sends the letter to", to)
    return "sent"


try:
    print(send_letter("Dr. Smith"))
except NotApproved as no:
    sys.exit(f"not sent: {no.intervention['status']}")
except OutcomeUnknown as unknown:
    sys.exit(f"find out whether it was sent, and complete {unknown.intervention['id']}")
