// Where in the prompt an answer was read off, as the server tells it.

const number = value => value.toLocaleString("en-US");
const around = 40; // characters of the document before and after a place

/**
 * Shows the places of an answer: along the window, and as quotations to be chosen.
 * @param places of the answer's choice: tokens from start to end, score, text, and the characters before it
 * @param tokens of the window, or of a longer prompt
 * @param source the prompt as it was sent, and show(place, index) for the place of the prompt at a character
 */
export function showEvidence(section, places, tokens, source) {
  const [note, strip, list] = section.children;
  section.hidden = false;
  strip.hidden = places.length === 0;
  note.textContent = places.length === 0 ? "Evidence: no clear place in the prompt."
    : "Evidence: the answer's words were read off here.";
  strip.setAttribute("aria-label", places.map(place => `tokens ${range(place)}: ${percent(place)}`).join(", "));
  strip.replaceChildren(...places.map(place => {
    const mark = document.createElement("i");
    mark.style.left = `${100 * place.start / tokens}%`;
    mark.style.width = `${100 * (place.end - place.start) / tokens}%`;
    mark.style.opacity = Math.max(0.35, place.score);
    return mark;
  }));
  list.replaceChildren(...places.map(place => {
    const [item, button, quote, hint] = ["li", "button", "mark", "span"].map(name => document.createElement(name));
    const index = find(source.text, place);
    quote.textContent = place.text;
    hint.className = "hint";
    hint.textContent = `${percent(place)} of the answer, tokens ${range(place)}`;
    button.type = "button";
    button.className = "plain";
    button.append(index < 0 ? "" : source.text.slice(Math.max(0, index - around), index), quote,
      index < 0 ? "" : source.text.slice(index + place.text.length, index + place.text.length + around), hint);
    button.disabled = index < 0;
    button.addEventListener("click", () => source.show(place, index));
    item.append(button);
    return item;
  }));
}

const range = place => `${number(place.start + 1)} to ${number(place.end)}`;
const percent = place => `${Math.round(100 * place.score)} %`;

// A chat template adds characters before the prompt: the nearest place with this text is meant.
function find(text, place) {
  const before = text.lastIndexOf(place.text, place.text_offset), after = text.indexOf(place.text, place.text_offset);
  return before < 0 || after >= 0 && after - place.text_offset < place.text_offset - before ? after : before;
}
