/** The texts of actions, forms, approvals and claims, in the language of all others. */
import { german } from "./texts.js";

export const a = (await (german ? import("./ask_texts.de.js") : import("./ask_texts.en.js"))).default;
