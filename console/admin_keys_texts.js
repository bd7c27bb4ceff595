/** The texts of the keys of programs, in the language of all others. */
import { german } from "./texts.js";

export const k = (await (german ? import("./admin_keys_texts.de.js") : import("./admin_keys_texts.en.js"))).default;
