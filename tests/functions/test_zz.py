import io, json, zipfile
from tests.client import Api


def test_x(api, clock, capsys):
    api.verifier.create(
        id="CASE-1",
        title="A",
        evidence=[
            {"id": "ev-1", "title": "E", "includedInPacket": True},
            {"id": "EV-1", "title": "F"},
            {"id": "con", "title": "F"},
        ],
    )
    api.verifier.patch("/cases/CASE-1", {"status": "in_review"})
    api.verifier.patch("/cases/CASE-1", {"status": "approved"})
    api.pilot.post("/cases/CASE-1:reopen", {"reason": "x"})
    api.agent.post("/cases/CASE-1/runs", {"id": "run-1", "agentId": "a-1"})
    api.agent.post("/cases/CASE-1/records", {"kind": "k", "title": "r", "data": {"a": [1.5]}})
    q = api.agent.post(
        "/interventions", {"uowId": "u", "type": "resume", "title": "T", "caseId": "CASE-1"}
    ).json
    api.pilot.post(f"/interventions/{q['id']}:decide", {"decision": "approve"})
    api.viewer.put("/cases/CASE-1/worksheet", {"fsrNotes": "Secret note"})
    a = api.pilot.get("/cases/CASE-1:export")
    assert a.status_code == 200, a.text
    print(a.headers)
    z = zipfile.ZipFile(io.BytesIO(a.data))
    assert z.testzip() is None
    for n in z.namelist():
        print("---", n)
        print(z.read(n).decode()[:1500])
    print(a.status_code)
    h = api.pilot.request("HEAD", "/cases/CASE-1:export")
    print(h.status_code, h.headers)
    print(api.pilot.get("/cases/CASE-404:export").text, api.pilot.get("/audit:export").text)
