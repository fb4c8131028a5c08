// Asks the graph as whoever has signed in, and goes on with a new access token when the old one has expired.

const SIGN_IN = `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { accessToken refreshToken user { email roles } userErrors { message } }
}`;
const REFRESH = `mutation RefreshSession($input: RefreshSessionInput!) {
  refreshSession(input: $input) { accessToken refreshToken user { email roles } userErrors { message } }
}`;
const SIGN_OUT = "mutation SignOut { signOut { userErrors { message } } }";

async function post(body, headers) {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, result: await answer.json() };
}

export class Session {
  #access = null;
  #refresh = null;
  onChange = () => {};

  /** Signs in; gives why not, or nothing. */
  async signIn(input) {
    const { result } = await post({ query: SIGN_IN, variables: { input } });
    return this.#take(result, result.data?.signIn);
  }

  async signOut() {
    const headers = this.#headers();
    this.#end();
    await post({ query: SIGN_OUT }, headers);
  }

  /** Asks. Headers of one's own go first, so that other tokens can be tried. */
  async ask(parameters, own) {
    const isOwn = Object.keys(own ?? {}).some((name) => name.toLowerCase() === "authorization");
    const first = await post(parameters, { ...this.#headers(), ...own });
    if (first.status !== 401 || isOwn || !this.#refresh) return first.result;
    const input = { refreshToken: this.#refresh };
    const { result } = await post({ query: REFRESH, variables: { input } });
    if (this.#take(result, result.data?.refreshSession)) {
      this.#end();
      return first.result;
    }
    return (await post(parameters, { ...this.#headers(), ...own })).result;
  }

  #headers() {
    return this.#access ? { authorization: `Bearer ${this.#access}` } : {};
  }

  #take(result, payload) {
    if (!payload?.accessToken) {
      return payload?.userErrors?.[0]?.message ?? result.errors?.[0]?.message ?? "No answer";
    }
    this.#access = payload.accessToken;
    this.#refresh = payload.refreshToken;
    this.onChange(payload.user);
    return undefined;
  }

  #end() {
    this.#access = this.#refresh = null;
    this.onChange(null);
  }
}
