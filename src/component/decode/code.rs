//! Function bodies, validated and charged for what is not in proportion to their size.
//!
//! An instruction moves as many values as its type says, and a type of a thousand results is named by
//! one byte. Validators and compilers look at each value.

use super::{Code, Decoder, invalid};
use crate::component::load::charged;
use crate::error::Result;
use wasmparser::{
    FuncValidator, FunctionBody, ModuleArity, Operator, TypeSectionReader, WasmModuleResources,
};

/// Up to so many parameters and results, what an instruction moves is in proportion to its bytes.
const NARROW: usize = 32;

/// Values and locals that come with each byte of a body.
const FREE: u64 = 16;

/// Locals that are looked at in one step of work.
const LOCALS: u64 = 16;

impl Decoder<'_> {
    /// Takes note of how wide the types of a core module are.
    pub(super) fn core_types(&mut self, section: &TypeSectionReader<'_>) -> Result<()> {
        for group in section.clone() {
            for ty in group.map_err(invalid)?.types() {
                if let wasmparser::CompositeInnerType::Func(ty) = &ty.composite_type.inner {
                    self.widest = self.widest.max(ty.params().len()).max(ty.results().len());
                }
            }
        }
        Ok(())
    }

    pub(super) fn body_of_function<T: WasmModuleResources>(
        &self,
        validator: &mut FuncValidator<T>,
        body: &FunctionBody<'_>,
    ) -> Result<()> {
        let (start, end) = (body.range().start, body.range().end);
        let mut free = FREE * (end - start);
        let mut charge = |amount: u64, at: u64| {
            let paid = amount.saturating_sub(free);
            free -= amount - paid;
            if paid == 0 { Ok(()) } else { charged(self.load.work.charge(paid), at) }
        };
        for group in body.get_locals_reader().map_err(invalid)? {
            let (count, _) = group.map_err(invalid)?;
            charge(u64::from(count) / LOCALS, start)?;
        }
        // What an instruction of wide types moves only a validator knows.
        if self.widest <= NARROW {
            return match self.code {
                Code::Validated => validator.validate(body).map_err(invalid),
                Code::Charged | Code::Skipped => Ok(()),
            };
        }
        let mut reader = body.get_binary_reader();
        validator.read_locals(&mut reader).map_err(invalid)?;
        reader.set_features(*validator.features());
        while !reader.eof() {
            let at = reader.original_position();
            let operator = reader.peek_operator(&validator.visitor(at)).map_err(invalid)?;
            charge(self.values(&operator, &validator.visitor(at)), at)?;
            let visited = reader.visit_operator(&mut validator.visitor(at)).map_err(invalid)?;
            visited.map_err(invalid)?;
        }
        let end = reader.original_position();
        reader.finish_expression(&validator.visitor(end)).map_err(invalid)
    }

    /// How many values an instruction makes others look at.
    fn values(&self, operator: &Operator<'_>, module: &impl ModuleArity) -> u64 {
        // What is not valid has no arity.
        let (params, results) = operator.operator_arity(module).unwrap_or((0, 0));
        let (params, results) = (u64::from(params), u64::from(results));
        let times = match operator {
            Operator::BrTable { targets } => u64::from(targets.len()),
            Operator::TryTable { try_table } => {
                return params + results + (try_table.catches.len() * self.widest) as u64;
            }
            _ => 0,
        };
        params + results + params * times
    }
}
