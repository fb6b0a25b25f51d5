//! The trait of a step, and the list of all steps. The chain, the functions and simulations run any step by
//! this trait.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Env, StepError, acquire, authorize, compare, confirm, plan, publish, release, scan};

/// A step: a function of the environment and of its payload.
#[async_trait]
pub trait Step: Send + Sync + 'static {
    /// Its name: that of its function, and in records and logs.
    const NAME: &'static str;
    /// The input.
    type In: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// The output.
    type Out: Serialize + Send + 'static;

    /// Does it.
    ///
    /// # Errors
    /// By the name that the state machine knows.
    async fn run(env: &Env, input: Self::In) -> Result<Self::Out, StepError>;
}

macro_rules! steps {
    ($($step:ident: $module:ident),*) => {
        $(
            #[doc = concat!("The step of [`", stringify!($module), "`](crate::", stringify!($module), ").")]
            #[derive(Debug)]
            pub struct $step;

            #[async_trait]
            impl Step for $step {
                const NAME: &'static str = $module::NAME;
                type In = $module::Input;
                type Out = $module::Output;

                async fn run(env: &Env, input: Self::In) -> Result<Self::Out, StepError> {
                    $module::run(env, input).await
                }
            }
        )*

        /// The names of all steps, in the order of a run.
        pub const NAMES: &[&str] = &[$($module::NAME),*];
    };
}

steps!(
    Plan: plan,
    Acquire: acquire,
    Authorize: authorize,
    Scan: scan,
    Compare: compare,
    Confirm: confirm,
    Publish: publish,
    Release: release
);
