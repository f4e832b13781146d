// Who may still act after a wait: whoever began last.

export class Turns {
  #last = 0;

  /** Begin a turn, which ends the one before; returns a function: whether it is still the last. */
  take() {
    const mine = ++this.#last;
    return () => mine === this.#last;
  }
}
