namespace Skipwise.Runtime;

/// <summary>Result of one native patch.</summary>
/// <param name="Name">the property of <see cref="TorchRuntimeOptions"/> that asks for it</param>
/// <param name="Reason">readable reason of the state</param>
public sealed record NativePatchStatus(string Name, NativePatchState State, string Reason)
{
    /// <summary>One line.</summary>
    public override string ToString()
    {
        string state = State switch { NativePatchState.On => "on", NativePatchState.Off => "off", _ => "not applicable" };
        return $"{Name}: {state} ({Reason})";
    }
}
