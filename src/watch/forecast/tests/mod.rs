//! Forecasts against series that were not fitted: made ones of other kinds than the model, and recorded ones.

mod backtest;
mod cases;
mod generators;
mod made;
mod recorded;
