namespace Skipwise.Kernels.Decoding;

/// <summary>Work that all threads of a <see cref="ThreadTeam"/> run together.</summary>
internal interface ITeamWork
{
    /// <summary>
    /// Called once on every thread. All of them call <see cref="ThreadTeam.Wait"/> equally often; an exception ends the process.
    /// </summary>
    /// <param name="thread">index of the thread</param>
    void Run(int thread);
}
