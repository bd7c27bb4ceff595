"""`python -m caseledger` is the command line `caseledger`."""

from caseledger.cli import main

main()
