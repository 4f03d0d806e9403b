'use strict';
// theme.js: before the first paint: says that scripts run, and which theme the reader chose.
// A classic script in the head, so that nothing flashes. It must never do anything else.
(() => {
  const root = document.documentElement;
  root.classList.add('js');
  try {
    const theme = localStorage.getItem('pushbutton-theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch {
    // no storage: the system's theme it is
  }
})();
