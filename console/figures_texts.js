/** The texts of the page of figures, in the language of all others. */
import { german } from "./texts.js";

export const f = (await (german ? import("./figures_texts.de.js") : import("./figures_texts.en.js"))).default;
