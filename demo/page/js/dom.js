// The page's elements by their ids.

export const $ = (id) => document.getElementById(id);

/** Set an element's text; an unchanged one is left alone, or a screen reader would repeat it. */
export function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}
