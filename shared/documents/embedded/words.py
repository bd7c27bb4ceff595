"""What documents often have in common: the embedded store keeps it here, and not in each of them.

A document in a file refers to one of these texts by its number, so that each stays as it is for
good. A better one takes the next number, and lets `FILE_VERSION` grow.
"""

from __future__ import annotations

_FIRST = r"""
{"title":"","snippet":"","citation":"https://","sourceId":"","tags":[],"metadata":"{}","addedAt":"Z"
,"addedBy":"","text":"","authorRole":"","foldedName":"","knownAs":"","lastSeenAt":"","kind":"","supe
rsedes":null,"sequence":1,"sha256":"","data":"{}",[["createdAt"],["updatedAt"],["timeoutAt"]]{"caseI
d":"","agentId":"","packId":null,"version":null,"status":"running","createdAt":"Z","createdBy":"","u
pdatedAt":"Z","startedAt":null,"finishedAt":null,"durationSeconds":null,"timeoutAt":"Z","input":null
,"output":null,"errors":null}"in_progress","critical","high","low","expired","withdrawn","completed"
,"failed","warning","in_review","needs_info","blocked","approved","rejected","closed","viewer","veri
fier","service","agent","system","scheduler"\"edit\",\"ignore\",\"approve\",\"respond\",\"reject\"[[
"updatedAt"],["createdAt"],["expiresAt"],["actionAt"],["remindAt"],["sweepAt"]]{"updatedAt":"Z","hea
d":{"sequence":2,"hash":""},"uowId":"","type":"clarification","status":"pending","priority":"normal"
,"title":"","description":null,"caseId":null,"requiredRole":"pilot","createdAt":"Z","createdBy":"","
expiresAt":"Z","assignedTo":null,"decision":null,"decidedBy":null,"actionReason":null,"actionAt":nul
l,"resolutionSeconds":null,"archived":false,"createdBySubject":"","assignedToSubject":null,"decidedB
ySubject":null,"completedBy":null,"completedBySubject":null,"completedAt":null,"runId":null,"decisio
ns":["approve","respond","reject"],"remindAt":null,"context":"{}","response":null,"result":null,"pri
orityRank":2,"sweepAt":"Z","counted":true,"assigneeKey":null,"deciderKey":null}","changes":"[{\"fiel
d\":\"uowId\",\"old\":null,\"new\":\"\"},{\"field\":\"type\",\"old\":null,\"new\":\"clarification\"}
,{\"field\":\"status\",\"old\":null,\"new\":\"pending\"},{\"field\":\"priority\",\"old\":null,\"new\
":\"normal\"},{\"field\":\"title\",\"old\":null,\"new\":\"\"},{\"field\":\"requiredRole\",\"old\":nu
ll,\"new\":\"pilot\"},{\"field\":\"expiresAt\",\"old\":null,\"new\":\"Z\"},{\"field\":\"decisions\",
\"old\":null,\"new\":[\"approve\",\"reject\"]},{\"field\":\"approvalsRequired\",\"old\":null,\"new\"
:1},{\"field\":\"approvals\",\"old\":null,\"new\":[]},{\"field\":\"remindAt\",\"old\":null,\"new\":\
"Z\"},{\"field\":\"raisePriority\",\"old\":null,\"new\":false},{\"field\":\"context\",\"old\":null,\
"new\":\"sha256:","meta":"{\"asked\":{\"at\":\"Z\",\"by\":\"\",\"type\":\"clarification\",\"priority
\":\"normal\",\"status\":\"approved\"}}","requestId":"[["updatedAt"],["createdAt"],["statusChangedAt
"],["dueAt"],["clockDueAt"]]{"updatedAt":"Z","head":{"sequence":1,"hash":""},"createdAt":"Z","create
dBy":"","decisionType":"","title":"","summary":null,"status":"new","statusChangedAt":"Z","closedAt":
null,"assignedTo":null,"assignedAt":null,"dueAt":"Z","submissionId":null,"severity":"normal","tags":
[],"packetEvidenceIds":[],"evidenceCount":0,"notesCount":0,"attachmentsCount":0,"collaborators":{},"
legalHold":false,"reopenCount":0,"escalatedAt":null,"createdBySubject":"","assignedToSubject":null,"
openInterventions":0,"openRuns":0,"clockDueAt":"Z","clockStoppedAt":null,"dueStandsSince":null,"sear
chTokens":["","cas","case0"],"fields":null,"evidence":[],"evidenceNumbers":[],"packetNumbers":[],"pa
cketVersion":0,"holds":[],"sweepAt":null,"runCount":0,"waiting":false,"records":{},"wasHeld":false,"
assigneeKey":null}[["createdAt"]]{"subject":"interventions/","caseId":null,{"subject":"cases/","case
Id":"","sequence":1,"createdAt":"Z","actor":{"subject":"","email":"","type":"user","role":"pilot"},"
source":"system","eventType":"intervention_requested","eventType":"case_created","severity":"info","
agentId":null,"outcome":"success","message":"Case created","reason":null,"changes":"[{\"field\":\"de
cisionType\",\"old\":null,\"new\":\"\"},{\"field\":\"title\",\"old\":null,\"new\":\"\"},{\"field\":\
"status\",\"old\":null,\"new\":\"new\"},{\"field\":\"dueAt\",\"old\":null,\"new\":\"Z\"},{\"field\":
\"severity\",\"old\":null,\"new\":\"normal\"},{\"field\":\"tags\",\"old\":null,\"new\":[]},{\"field\
":\"packetEvidenceIds\",\"old\":null,\"new\":[]},{\"field\":\"evidenceCount\",\"old\":null,\"new\":0
},{\"field\":\"notesCount\",\"old\":null,\"new\":0},{\"field\":\"attachmentsCount\",\"old\":null,\"n
ew\":0},{\"field\":\"collaborators\",\"old\":null,\"new\":{}},{\"field\":\"legalHold\",\"old\":null,
\"new\":false},{\"field\":\"reopenCount\",\"old\":null,\"new\":0}]","meta":"{}","requestId":"","requ
estHash":null,"previousHash":"0000000000000000000000000000000000000000000000000000000000000000","has
h":"","disclosures":"{\"/actor/email\":\"\",\"/reason\":\"\",\"/message\":\"\",\"/changes/1/new\":\"
\"}","actorName":"","sealSlot":
"""

WORDS = {1: _FIRST.replace("\n", "").encode()}
"""The texts, by their numbers. The last 7,900 bytes of one are of use: see `packed.py`."""
