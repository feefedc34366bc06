const NAME = 'kvasir-api-key';

/** The key that requests are sent with; '' where there is none. It is forgotten with the tab. */
export function apiKey() {
  return sessionStorage.getItem(NAME) ?? '';
}

/** @param {string} key */
export function rememberApiKey(key) {
  sessionStorage.setItem(NAME, key);
}
