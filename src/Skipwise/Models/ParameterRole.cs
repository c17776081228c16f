namespace Skipwise.Models;

/// <summary>Role of a parameter in the model. The module that creates it sets the role; nothing is derived from names.</summary>
internal enum ParameterRole
{
    /// <summary>a projection of attention or feed-forward</summary>
    Matrix,
    /// <summary>the token embedding; a tied head reads it too</summary>
    Embedding,
    /// <summary>an untied output head</summary>
    Head,
    /// <summary>a norm's weight</summary>
    Norm,
    /// <summary>a bias</summary>
    Bias,
    /// <summary>a factor of a LoRA adapter</summary>
    Adapter,
}
