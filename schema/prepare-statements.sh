#!/bin/sh
# Run below `with-postgres`: migrates an empty database by psql and lets sqlx check every statement against it, which
# renews subgraphs/*/.sqlx; of the subgraphs that are named, or of all. psql is used because the migrations inside the program need the statements first.
set -eu
cd "$(dirname "$0")/.."
url=$HEALTHBRIDGE_TEST_DATABASE_URL
[ $# -gt 0 ] || set -- patients imaging diagnosis billing
for subgraph in "$@"; do
    psql --quiet --set ON_ERROR_STOP=1 --command "CREATE SCHEMA $subgraph" "$url"
    for migration in subgraphs/"$subgraph"/migrations/*.sql; do
        psql --quiet --set ON_ERROR_STOP=1 --file "$migration" "$url"
    done
    rm -f subgraphs/"$subgraph"/.sqlx/*.json
    mkdir -p subgraphs/"$subgraph"/.sqlx
    # Only a rebuilt crate has its statements checked.
    touch subgraphs/"$subgraph"/src/lib.rs
    DATABASE_URL=$url SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$PWD/subgraphs/$subgraph/.sqlx \
        cargo check --quiet --ignore-rust-version --package "healthbridge-$subgraph"
done
