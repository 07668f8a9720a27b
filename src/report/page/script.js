'use strict';
// Sorts tables by a clicked column, and searches the list of rejects, which is shown in parts because a
// browser takes seconds to lay out 10,000 rows. Without this script, the page has the same content.
document.documentElement.classList.add('scripted');
addEventListener('DOMContentLoaded', () => {
  const numberOf = text => /^[\d,]+$/.test(text) ? Number(text.replaceAll(',', '')) : NaN;
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  const sort = (table, heads, head) => {
    const at = heads.indexOf(head);
    const sign = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
    for (const other of heads) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', sign < 0 ? 'descending' : 'ascending');
    const body = table.tBodies[0];
    const rows = [...body.rows].map(row => [row.cells[at]?.textContent ?? '', row]);
    rows.sort(([one], [other]) => {
      const [a, b] = [numberOf(one), numberOf(other)];
      return sign * (isNaN(a) || isNaN(b) ? compare(one, other) : a - b);
    });
    body.append(...rows.map(([, row]) => row));
  };
  const list = document.querySelector('table.list');
  const show = list ? searching(list) : () => {};
  for (const table of document.querySelectorAll('table.sortable')) {
    const heads = [...table.tHead.rows[0].cells];
    for (const head of heads) {
      const use = () => {
        sort(table, heads, head);
        if (table === list) show();
      };
      head.tabIndex = 0;
      head.addEventListener('click', use);
      head.addEventListener('keydown', event => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        use();
      });
    }
  }
});
function searching(list) {
  const PART = 200;
  const body = list.tBodies[0];
  const [input, output] = document.querySelectorAll('.search input, .search output');
  const more = document.querySelector('.more');
  const texts = new Map([...body.rows].map(row => [row, row.textContent.toLowerCase()]));
  const group = number => number.toLocaleString('en');
  let limit = PART;
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of body.rows) {
      const text = texts.get(row);
      const isFound = words.every(word => text.includes(word));
      if (isFound) found += 1;
      row.hidden = !isFound || found > limit;
    }
    output.textContent = words.length ? `${group(found)} of ${group(texts.size)}` : `${group(texts.size)} problems`;
    more.hidden = found <= limit;
    more.textContent = `Show more (${group(Math.max(found - limit, 0))} left)`;
  };
  document.querySelector('.search').hidden = false;
  input.addEventListener('input', () => {
    limit = PART;
    show();
  });
  more.addEventListener('click', () => {
    limit += 5 * PART;
    show();
  });
  show();
  list.classList.add('ready');
  return show;
}
