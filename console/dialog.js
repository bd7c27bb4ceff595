/**
 * A dialog: focus on its title, Esc keeps what was written (the opener has it), and the focus goes back
 * to where it was. Requests that it sends may be refused; then it says so, and stays open.
 */
import { html, render } from "./render.js";
import { inSentences } from "./parts.js";
import { t } from "./texts.js";

/**
 * @typedef {import("./render.js").Shown} Shown
 *
 * @typedef {object} Choice a button at the foot
 * @property {string} text
 * @property {string} [kind] its class: first, stop, bare
 * @property {boolean} [lax] whether it may be pressed with fields that are not valid
 * @property {(form: FormData) => unknown} [does] what it does; the dialog closes once that is done
 *
 * @typedef {object} Asked
 * @property {string} title
 * @property {string} [note] beside the title
 * @property {(redraw: () => void) => Shown} body
 * @property {Choice[]} choices the first is taken by Enter
 * @property {string} [cancel] what the button says that changes nothing
 * @property {"wide"} [size]
 */

let count = 0;

/**
 * Opens a dialog.
 * @param {Asked} asked
 * @returns {Promise<boolean>} whether a choice was taken
 */
export function ask(asked) {
  const dialog = document.createElement("dialog");
  const id = `dialog-${(count += 1)}`;
  const back = document.activeElement;
  let problem = "";
  let busy = false;
  if (asked.size) dialog.classList.add(asked.size);
  dialog.setAttribute("aria-labelledby", id);
  document.body.append(dialog);

  return new Promise((done) => {
    let taken = false;
    const draw = () =>
      render(
        dialog,
        html`<header><h2 id=${id} tabindex="-1">${asked.title}</h2>${asked.note && html`<span class="quiet">${asked.note}</span>`}</header>
        <form @submit=${take}>
          <div class="body">${asked.body(draw)}<p class="st stop" role="alert" ?hidden=${!problem}>${problem}</p></div>
          <footer>${asked.choices.map((choice, index) => html`<button class="b ${choice.kind ?? (index ? "" : "first")}" value=${index} ?disabled=${busy} ?formnovalidate=${choice.lax}>${choice.text}</button>`)}<button type="button" class="b bare push" @click=${() => dialog.close()}>${asked.cancel ?? t.shell.cancel} <kbd aria-hidden="true">Esc</kbd></button></footer>
        </form>`,
      );
    /** @param {SubmitEvent} event */
    const take = async (event) => {
      event.preventDefault();
      const pressed = event.submitter instanceof HTMLButtonElement ? Number(event.submitter.value) : 0;
      busy = true;
      problem = "";
      draw();
      try {
        await asked.choices[pressed].does?.(new FormData(/** @type {HTMLFormElement} */ (event.target)));
        taken = true;
        dialog.close();
      } catch (error) {
        problem = inSentences(error);
      }
      busy = false;
      draw();
    };
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back instanceof HTMLElement && back.isConnected) back.focus();
      done(taken);
    });
    draw();
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], .body :is(input, textarea, select)") ?? dialog.querySelector("h2");
    /** @type {HTMLElement | null} */ (first)?.focus();
  });
}
