namespace Skipwise.Reproduction;

/// <summary>What the numbers say about a claim.</summary>
internal enum Outcome
{
    /// <summary>by the rule, the claim holds here</summary>
    Holds,
    /// <summary>by the rule, it does not</summary>
    DoesNotHold,
    /// <summary>the interval contains the limit: more seeds, documents or trials would tell</summary>
    NotDecided,
}
