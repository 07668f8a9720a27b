'use strict';
// Sorts tables by the column that is clicked, and searches the list of rejects. Without it, the page shows the same.
const textOf = (row, at) => row.cells[at] ? row.cells[at].textContent : '';
const numberOf = text => /^[\d,]+$/.test(text) ? Number(text.replaceAll(',', '')) : NaN;
const compare = new Intl.Collator(undefined, { numeric: true }).compare;
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const sort = () => {
      const down = head.getAttribute('aria-sort') === 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      const rows = [...table.tBodies[0].rows].map(row => [textOf(row, at), row]);
      rows.sort(([one], [other]) => {
        const [a, b] = [numberOf(one), numberOf(other)];
        return (down ? -1 : 1) * (isNaN(a) || isNaN(b) ? compare(one, other) : a - b);
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
    };
    head.tabIndex = 0;
    head.setAttribute('role', 'columnheader button');
    head.addEventListener('click', sort);
    head.addEventListener('keydown', event => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      sort();
    });
  });
}
const search = document.querySelector('.search');
if (search) {
  search.hidden = false;
  const rows = [...document.querySelector('table.list').tBodies[0].rows];
  const texts = rows.map(row => row.textContent.toLowerCase());
  const [input, output] = [search.querySelector('input'), search.querySelector('output')];
  const group = number => number.toLocaleString('en');
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    rows.forEach((row, at) => {
      row.hidden = !words.every(word => texts[at].includes(word));
      if (!row.hidden) found += 1;
    });
    output.textContent = words.length ? `${group(found)} of ${group(rows.length)}` : group(rows.length);
  };
  input.addEventListener('input', show);
  show();
}
document.documentElement.classList.add('scripted');
