import { Client, fetchExchange } from "@urql/core";
import type { CombinedError } from "@urql/core";
import { OwnNamesDocument, PatientChartDocument, PatientPageDocument, RefreshSessionDocument, SignInDocument } from "./gql/graphql";
import { authorization, place, url, walk } from "./walk";

const client = new Client({
  url,
  exchanges: [fetchExchange],
  preferGetMethod: false,
  fetchOptions: () => ({ headers: authorization() }),
});

/** What failed, as urql tells it. */
const failures = (error: CombinedError | undefined) => ({
  errors: error?.graphQLErrors.map(place) ?? [],
  status: error ? (error.response as Response | undefined)?.status : undefined,
});

walk({
  signIn: async (email, password) => {
    const { data } = await client.mutation(SignInDocument, { input: { email, password } });
    return data?.signIn ?? {};
  },
  refresh: async (refreshToken) => {
    const { data } = await client.mutation(RefreshSessionDocument, { input: { refreshToken } });
    return data?.refreshSession ?? {};
  },
  page: async (variables) => {
    const { data, error } = await client.query(PatientPageDocument, variables);
    return { data: data?.patients, ...failures(error) };
  },
  chart: async (id) => {
    const { data, error } = await client.query(PatientChartDocument, { id });
    return { data: data?.patient, ...failures(error) };
  },
  ownNames: async (id) => {
    const { data, error } = await client.query(OwnNamesDocument, { id });
    return { data, ...failures(error) };
  },
});
