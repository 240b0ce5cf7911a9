//! The attributes of `data_collector`.

use proc_macro::TokenStream;
use quote::quote;
use syn::{ItemFn, ReturnType, Type, parse_macro_input};

/// Watches a function, sync or async: its calls, how long they take, how many fail, and the items that it reports with
/// `profile::solved` and `profile::failed`. `dc logs --profile` shows where a run spent its time.
///
/// A call fails when it returns an `Err` (of a type whose name ends in `Result`) or panics. Records that are logged
/// inside carry the function's name.
#[proc_macro_attribute]
pub fn fun_watch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    if !arguments.is_empty() {
        return quote!(compile_error!("`fun_watch` takes no arguments");).into();
    }
    let ItemFn { attrs, vis, sig, block } = parse_macro_input!(item as ItemFn);
    let name = sig.ident.to_string();
    let watched = quote! {
        static WATCHED: ::data_collector::profile::Watched =
            ::data_collector::profile::Watched::new(::core::module_path!(), #name);
    };
    let is_failure = match is_result(&sig.output) {
        true => quote!(|outcome| outcome.is_err()),
        false => quote!(|_| false),
    };
    let body = match (sig.asyncness.is_some(), is_result(&sig.output)) {
        (true, _) => quote!(::data_collector::profile::watch(&WATCHED, async move #block, #is_failure).await),
        (false, true) => quote! {
            let call = WATCHED.call();
            #[allow(clippy::redundant_closure_call)]
            let outcome = (move || #block)();
            call.end(outcome.is_err());
            outcome
        },
        // no closure where none is needed: it would change what may be borrowed
        (false, false) => quote! {
            let _call = WATCHED.call();
            #block
        },
    };
    quote! {
        #(#attrs)*
        #vis #sig {
            #watched
            #body
        }
    }
    .into()
}

fn is_result(output: &ReturnType) -> bool {
    let ReturnType::Type(_, kind) = output else { return false };
    let Type::Path(path) = kind.as_ref() else { return false };
    path.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Result"))
}
