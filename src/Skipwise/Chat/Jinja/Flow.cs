namespace Skipwise.Chat.Jinja;

/// <summary>How statements ended.</summary>
internal enum Flow
{
    /// <summary>all of them ran</summary>
    Normal,
    /// <summary>at a break</summary>
    Break,
    /// <summary>at a continue</summary>
    Continue,
}
