/** Exports that prove themselves without this system: of a case, and of the tenant's trail. */
import { call } from "./api.js";
import { download } from "./download.js";
import { attempt } from "./parts.js";
import { t } from "./texts.js";

/** How much of the end of a file is sure to have its last line, in bytes. */
const END = 65_536;

/** Saves the export of a case. @param {string} id */
export const exportCase = (id) =>
  attempt(t.exports.failed, async () => {
    const { body } = await call("GET", `/cases/${encodeURIComponent(id)}:export`, { file: true });
    download(`${id}.zip`, [body], "application/zip");
  });

/** Saves the trail in the order of its log: a file for each part of it, which says where the next one begins. */
export const exportTrail = () =>
  attempt(t.exports.failed, async () => {
    /** @type {number | null} */
    let start = 0;
    while (start !== null) {
      const { body } = await call("GET", "/audit:export", { query: { start }, file: true });
      const last = JSON.parse((await body.slice(-END).text()).trimEnd().split("\n").at(-1));
      download(`${last.tenant}-${last.start}-${last.end}.ndjson`, [body], "application/x-ndjson");
      start = last.next;
    }
  });
