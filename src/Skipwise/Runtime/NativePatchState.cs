namespace Skipwise.Runtime;

/// <summary>Whether a native patch is in effect.</summary>
public enum NativePatchState
{
    /// <summary>nobody asked for it, or it was switched off</summary>
    Off,
    /// <summary>in effect until the process ends</summary>
    On,
    /// <summary>asked for, but this machine, libtorch or moment does not allow it: nothing was changed</summary>
    NotApplicable,
}
