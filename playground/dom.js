/**
 * The element that a selector names.
 *
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 * @throws {Error} where there is none of that type: page and script do not fit together.
 */
export function find(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`no ${type.name} for ${selector}`);
  return element;
}

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Readonly<Record<string, string | number | boolean>>} [attributes] `true` sets one without a value, `false` leaves it out.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function create(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? '' : String(value));
  element.append(...children);
  return element;
}

/**
 * Sets custom properties for the style sheets. (The page's policy allows no style attributes.)
 *
 * @param {HTMLElement | SVGElement} element
 * @param {Readonly<Record<string, string | number>>} properties names without their dashes.
 */
export function setProperties(element, properties) {
  for (const [name, value] of Object.entries(properties))
    element.style.setProperty(`--${name}`, String(value));
}
