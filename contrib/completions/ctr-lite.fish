# fish completion for ctr-lite: the program itself knows what can stand at the cursor.
function __ctr_lite_complete
	set -l words (commandline -opc)
	set -l cur (commandline -ct)
	for line in ($words[1] __complete -- $words[2..-1] $cur 2>/dev/null)
		switch $line
			case ':file'
				__fish_complete_path $cur
			case ':dir'
				__fish_complete_directories $cur
			case ':*'
			case '*'
				echo $line
		end
	end
end
complete -c ctr-lite -f -a '(__ctr_lite_complete)'
