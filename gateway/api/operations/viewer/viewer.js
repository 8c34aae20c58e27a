"use strict";
// Beside the page, not in it: the page's content security policy allows no script of its own.
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: new URL("schema/openapi.json", document.baseURI).href,
    dom_id: "#viewer",
    deepLinking: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
