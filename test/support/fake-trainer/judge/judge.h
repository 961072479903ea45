// The judge of the fake trainer is made from harness/fake.cjs.
