import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, ServerError } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import type { OperationVariables, TypedDocumentNode } from "@apollo/client";
import { OwnNamesDocument, PatientChartDocument, PatientPageDocument, RefreshSessionDocument, SignInDocument } from "./gql/graphql";
import { authorization, place, url, walk } from "./walk";
import type { Outcome } from "./walk";

const withToken = new SetContextLink(({ headers }) => ({ headers: { ...headers, ...authorization() } }));
const client = new ApolloClient({ link: withToken.concat(new HttpLink({ uri: url })), cache: new InMemoryCache() });

async function ask<Data, Variables extends OperationVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Outcome<Data>> {
  const options = { query, variables, errorPolicy: "all", fetchPolicy: "network-only" } as const;
  const { data, error } = await client.query<Data, OperationVariables>(options);
  return {
    data: data as Data | undefined,
    errors: CombinedGraphQLErrors.is(error) ? error.errors.map(place) : [],
    status: ServerError.is(error) ? error.statusCode : undefined,
  };
}

walk({
  signIn: async (email, password) => {
    const { data } = await client.mutate({ mutation: SignInDocument, variables: { input: { email, password } } });
    return data?.signIn ?? {};
  },
  refresh: async (refreshToken) => {
    const { data } = await client.mutate({ mutation: RefreshSessionDocument, variables: { input: { refreshToken } } });
    return data?.refreshSession ?? {};
  },
  page: async (variables) => {
    const { data, ...rest } = await ask(PatientPageDocument, variables);
    return { data: data?.patients, ...rest };
  },
  chart: async (id) => {
    const { data, ...rest } = await ask(PatientChartDocument, { id });
    // @ts-expect-error What the chart does not ask for is none of its type.
    data?.patient?.gender;
    return { data: data?.patient, ...rest };
  },
  ownNames: (id) => ask(OwnNamesDocument, { id }),
});
