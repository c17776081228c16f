namespace Skipwise.Cli.Results;

/// <summary>A dimension pair of a head.</summary>
/// <param name="Frequency">radians per token</param>
/// <param name="Wavelength">tokens per rotation</param>
/// <param name="Factor">frequency without scaling / frequency</param>
/// <param name="ExceedsWindow">the wavelength is longer than the original window</param>
internal sealed record RopePair(int Pair, double Frequency, double Wavelength, double Factor, bool ExceedsWindow);
