/* The reader's choice of light or dark, before anything is painted. Storage may be refused: the system then decides. */
try { document.documentElement.dataset.theme = localStorage.getItem("ddd-theme") ?? ""; } catch { /* not kept */ }
