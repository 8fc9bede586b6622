/* SPDX-License-Identifier: GPL-3.0-or-later */
"use strict";
(function () {
  const form = document.querySelector(".filter");
  const rows = Array.from(document.querySelectorAll("#rows > details"));
  const find = document.getElementById("find");
  const byOutcome = document.getElementById("by-outcome");
  const byState = document.getElementById("by-state");
  const texts = new Map();
  const count = document.getElementById("count");

  function text(row) {
    if (!texts.has(row)) {
      texts.set(row, row.textContent.toLowerCase());
    }
    return texts.get(row);
  }

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const data = row.dataset;
      const fits = (!byOutcome.value || data.o === byOutcome.value) && (!byState.value || data.s === byState.value)
        && words.every((word) => text(row).includes(word));
      row.hidden = !fits;
      left += fits ? 1 : 0;
    }
    count.textContent = left === rows.length ? rows.length + " shown" : left + " of " + rows.length + " shown";
  }

  function open() {
    const row = document.getElementById(location.hash.slice(1));
    if (row && row.localName === "details") {
      row.hidden = false;
      row.open = true;
      row.scrollIntoView();
    }
  }

  // On paper nobody can open anything: what needs a look is there, and all of a small fleet.
  window.addEventListener("beforeprint", () => {
    const shown = rows.filter((row) => !row.hidden);
    for (const row of shown) {
      if (!row.open && (shown.length <= 30 || row.dataset.o === "failed" || row.dataset.o === "in_trouble")) {
        row.open = true;
        row.dataset.printed = "";
      }
    }
  });
  window.addEventListener("afterprint", () => {
    for (const row of rows) {
      if ("printed" in row.dataset) {
        row.open = false;
        delete row.dataset.printed;
      }
    }
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  window.addEventListener("hashchange", open);
  form.hidden = false;
  filter();
  open();
})();
