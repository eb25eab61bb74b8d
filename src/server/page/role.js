// What the key may do.

const ROLES = ["read", "operate", "deploy"];
let own = "read";

export function setRole(role) {
  own = role;
}

/** True when the key's role is this one or a higher one. */
export function mayDo(role) {
  return ROLES.indexOf(own) >= ROLES.indexOf(role);
}
