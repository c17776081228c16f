namespace Skipwise.Runtime;

/// <summary>State of a native patch.</summary>
public enum NativePatchState
{
    /// <summary>not asked for, or switched off</summary>
    Off,
    /// <summary>in effect until the process ends</summary>
    On,
    /// <summary>asked for, but not possible on this machine, with this libtorch, or at this moment: nothing was changed</summary>
    NotApplicable,
}
