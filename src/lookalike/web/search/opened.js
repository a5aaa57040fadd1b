// The picture whose details are open, beside those it was found among.

import { details } from "../details.js";
import { question } from "./asking.js";

/**
 * The panel.
 * @param {{app: Object, seen: Object, found: Object, go: (changes, options) => void, act: (as, picture) => void}} given
 *   found: the results.
 * @returns {{update(asked), close()}}
 */
export function opened({ app, seen, found, go, act }) {
  const panel = details(app);
  let asked = null;

  async function update(next) {
    asked = next;
    const id = asked.show;
    if (!id) {
      panel.close();
      return;
    }
    const index = found.grid.indexOf(id);
    const picture = index < 0 ? null : await found.grid.at(index);
    if (asked !== next) return;
    panel.show(id, {
      hit: picture?.similarity === undefined ? null : picture,
      queries: [asked.like, ...asked.also, ...asked.against].filter(Boolean),
      columns: found.columns,
      question: explained,
      image,
      closed: () => {
        go({ show: null }, { back: true });
        found.grid.focus(id);
      },
      step,
      use: (as, one) => {
        panel.close();
        act(as, one);
      },
    });
  }

  /** The question without what chooses among results. */
  function explained() {
    const form = question(asked, app);
    for (const name of ["k", "where", "threshold"]) form.delete(name);
    return form;
  }

  async function image(name, width = 300) {
    const one = await seen.image(name, width);
    await one.element.decode?.().catch(() => {});
    return { ...one, width: one.element.naturalWidth, height: one.element.naturalHeight };
  }

  async function step(by) {
    const { grid } = found;
    const now = grid.indexOf(asked.show);
    const to = await grid.at((now + by + grid.count) % grid.count);
    if (to) go({ show: to.id }, { replace: true });
  }

  return { update, close: () => panel.remove() };
}
