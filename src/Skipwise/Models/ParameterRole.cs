namespace Skipwise.Models;

/// <summary>What a parameter is in the model. The module that makes it says so, and nobody asks its name.</summary>
internal enum ParameterRole
{
    /// <summary>a projection of attention or feed-forward</summary>
    Matrix,
    /// <summary>the rows of tokens; a tied head reads them too</summary>
    Embedding,
    /// <summary>a head of its own</summary>
    Head,
    /// <summary>a norm's weight</summary>
    Norm,
    /// <summary>whatever it is added to</summary>
    Bias,
    /// <summary>a low-rank update's factor</summary>
    Adapter,
}
