using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>
/// Two hosts on this machine: network namespaces with a cable between them, and a name each. A script in place of ssh starts MPI's helper
/// on the other one.
/// </summary>
internal sealed class TwoHosts : IDisposable
{
    /// <summary>What the hosts are called.</summary>
    public const string First = "host-a", Second = "host-b";

    private const string FirstAddress = "10.213.7.1", SecondAddress = "10.213.7.2", FirstLink = "va", SecondLink = "vb";
    private const string AsHost = "hostname \"$0\" && exec \"$@\"";
    private readonly TempFolder _folder = new();
    private readonly string _first = $"skipwise-{Environment.ProcessId}-a", _second = $"skipwise-{Environment.ProcessId}-b";
    private readonly string _agent;

    public TwoHosts()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "network namespaces are of Linux");
        _agent = _folder.Write("agent.sh", $"""
            #!/bin/sh
            # agent.sh [-x] HOST COMMAND: as ssh
            while [ "$1" = -x ]; do shift; done
            case $1 in
                {FirstAddress}) namespace={_first} name={First};;
                *) namespace={_second} name={Second};;
            esac
            shift
            exec ip netns exec $namespace unshare --uts sh -c '{AsHost}' $name sh -c "$*"

            """);
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(_agent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        try
        {
            Require("ip", "netns", "add", _first);
            Require("ip", "netns", "add", _second);
            Require("ip", "link", "add", FirstLink, "netns", _first, "type", "veth", "peer", "name", SecondLink, "netns", _second);
            foreach ((string host, string address, string link) in
                ((string, string, string)[])[(_first, FirstAddress, FirstLink), (_second, SecondAddress, SecondLink)])
            {
                Require("ip", "-n", host, "addr", "add", $"{address}/24", "dev", link);
                Require("ip", "-n", host, "link", "set", "lo", "up");
                Require("ip", "-n", host, "link", "set", link, "up");
                Require("ip", "netns", "exec", host, "unshare", "--uts", "hostname", First);
            }
            Assert.True(SpinWait.SpinUntil(() => IsUp(_first, FirstLink) && IsUp(_second, SecondLink), ChildProcess.Limit));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Starts the tool: a rank on each host.</summary>
    public MpiJob Start(MpiKind mpi, string[] args, params IEnumerable<(string Name, string Value)> environment)
    {
        string[] shell = ["ip", "netns", "exec", _first, "unshare", "--uts", "sh", "-c", AsHost, First], hosts = mpi == MpiKind.OpenMpi
            ? ["--mca", "plm_rsh_agent", _agent, "--mca", "btl", "tcp,self", "--host", $"{FirstAddress}:1,{SecondAddress}:1"]
            : ["-launcher", "ssh", "-launcher-exec", _agent, "-hosts", $"{FirstAddress}:1,{SecondAddress}:1"];
        return MpiJob.Start(mpi, shell, [.. hosts, "-n", "2", .. MpiJob.ToolCommand(args)],
            [("UCX_TLS", "tcp,self"), .. environment]); // UCX knows that both hosts have one memory
    }

    /// <summary>Bytes that the second host has received.</summary>
    public long Received() => long.Parse(
        Require("ip", "netns", "exec", _second, "cat", "/proc/net/dev").Split('\n').Select(line => line.Trim())
            .Single(line => line.StartsWith(SecondLink + ":", StringComparison.Ordinal))[(SecondLink.Length + 1)..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);

    /// <summary>Pulls the cable.</summary>
    public void Cut() => Require("ip", "-n", _second, "link", "set", SecondLink, "down");

    public void Dispose()
    {
        foreach (string host in (string[])[_first, _second])
        {
            Run("ip", "netns", "delete", host);
        }
        _folder.Dispose();
    }

    /// <summary>Whether a link carries data, which is a moment after it was told to.</summary>
    private static bool IsUp(string host, string link) =>
        Require("ip", "-n", host, "-brief", "link", "show", link).Contains(" UP ", StringComparison.Ordinal);

    private static string Require(params string[] command)
    {
        (int code, string output, string error) = Run(command);
        Assert.SkipWhen(code != 0, $"this machine has no network namespaces for the tests: {string.Join(' ', command)}: {error.Trim()}");
        return output;
    }

    private static (int Code, string Output, string Error) Run(params string[] command)
    {
        try
        {
            return ChildProcess.Run(new ProcessStartInfo(command[0], command[1..]));
        }
        catch (Win32Exception e)
        {
            return (-1, "", e.Message);
        }
    }
}
