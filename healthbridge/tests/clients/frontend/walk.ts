// What a frontend developer does in the first ten minutes, whatever the client; it prints what was seen.

/** Data, and what failed: errors that have a place, or what the transport told. */
export type Outcome<Data> = {
  data: Data | null | undefined;
  errors: { path: unknown; code: unknown }[];
  status?: number;
};

export type Tokens = { accessToken?: string | null; refreshToken?: string | null };

export type Page = {
  nodes: readonly { id: string }[];
  pageInfo: {
    startCursor?: string | null;
    endCursor?: string | null;
    hasNextPage: boolean;
    hasPreviousPage: boolean;
  };
};

export type PageVariables = { first?: number; after?: string | null; last?: number; before?: string | null };

/** The same five operations by each client. */
export type Client = {
  signIn(email: string, password: string): Promise<Tokens>;
  refresh(refreshToken: string): Promise<Tokens>;
  page(variables: PageVariables): Promise<Outcome<Page>>;
  chart(id: string): Promise<Outcome<unknown>>;
  ownNames(id: string): Promise<Outcome<unknown>>;
};

// Its types are not installed: this is all of it that is used.
declare const process: { argv: string[] };

let token: string | null | undefined;

export const url = `${process.argv[2]}/graphql`;

/** The header of whoever is signed in. */
export const authorization = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {});

/** Path and code of an error of an answer. */
export const place = (error: { path?: unknown; extensions?: { [name: string]: unknown } }) => ({
  path: error.path,
  code: error.extensions?.["code"],
});

const signIn = async (client: Client, name: string) => {
  token = undefined;
  const tokens = await client.signIn(`${name}@demo.healthbridge.test`, "healthbridge-demo");
  token = tokens.accessToken;
  return tokens;
};

/** All pages of a direction, each a list of ids. */
const pages = async (client: Client, next: (page?: Page) => PageVariables | undefined) => {
  const seen: string[][] = [];
  for (let variables = next(); variables; ) {
    const { data } = await client.page(variables);
    if (!data) throw new Error("no page");
    seen.push(data.nodes.map(({ id }) => id));
    variables = next(data);
  }
  return seen;
};

export const walk = async (client: Client) => {
  const { refreshToken } = await signIn(client, "doctor");
  const size = 20;
  const forward = await pages(client, (page) => {
    if (!page) return { first: size };
    return page.pageInfo.hasNextPage ? { first: size, after: page.pageInfo.endCursor } : undefined;
  });
  const backward = await pages(client, (page) => {
    if (!page) return { last: size };
    return page.pageInfo.hasPreviousPage ? { last: size, before: page.pageInfo.startCursor } : undefined;
  });
  const id = forward[0]?.[0];
  if (!id || !refreshToken) throw new Error("no patient, or no token");
  const chart = await client.chart(id);

  token = "bad.token.here";
  const expired = await client.chart(id);
  token = undefined;
  token = (await client.refresh(refreshToken)).accessToken;
  const refreshed = await client.chart(id);

  await signIn(client, "clerk");
  const clerk = await client.ownNames(id);
  console.log(JSON.stringify({ id, chart, forward, backward, expired, refreshed, clerk }));
};
