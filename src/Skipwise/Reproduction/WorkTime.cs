namespace Skipwise.Reproduction;

/// <summary>How long a piece of work took.</summary>
/// <param name="What">the work</param>
/// <param name="Seconds">wall clock</param>
internal sealed record WorkTime(string What, double Seconds);
