'use strict';
// theme.js: before the first paint: says that scripts run, which theme the reader chose, and whether there are pictures.
// A classic script in the head, so that nothing flashes. It must never do anything else.
(() => {
  const root = document.documentElement;
  root.classList.add('js');
  try {
    const theme = localStorage.getItem('pushbutton-theme');
    if (localStorage.getItem('pushbutton-pictures') === 'off') root.dataset.pictures = 'off';
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch {
    // no storage: the system's theme it is
  }
})();
